"""Trajectories that the joints can follow: reachable all along, within the joints' limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.joint_ceilings import JointCeilings
from jepa_wm_ros.robot.limits import MotionLimits, Workspace
from jepa_wm_ros.robot.plan_motion import ArmKinematics, Start
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.trajectory import PoseTrajectory

if TYPE_CHECKING:
    from jepa_wm_ros.robot.kinematics import IkSolution

_SAMPLES_PER_STEP = 16
_ATTEMPTS = 6


class UnreachableError(JepaWmError):
    """The arm cannot follow a path."""


class TrajectoryFitter:
    """Makes trajectories and stretches them in time until the joints can follow."""

    def __init__(
        self,
        kinematics: ArmKinematics,
        motion: MotionLimits,
        ceilings: JointCeilings,
        *,
        margin_rad: float = 0.0,
        keep_out: Sequence[Workspace] = (),
    ) -> None:
        """Make a fitter.

        Args:
            kinematics: Of the arm.
            motion: Ceilings for the flange.
            ceilings: Ceilings for the joints.
            margin_rad: How far the joints stay away from their ends [rad].
            keep_out: Boxes through which no way may lead.
        """
        self._kinematics = kinematics
        self._motion = motion
        self._ceilings = ceilings
        self._margin_rad = margin_rad
        self._keep_out = keep_out

    def fit(
        self, start: Start, waypoints: Sequence[Pose], step_duration_s: float
    ) -> PoseTrajectory:
        """Return the motion through way-points, ending at rest.

        Args:
            start: Where it begins.
            waypoints: Flange poses in the base frame, one for each step.
            step_duration_s: Time from one to the next [s], if the limits allow.

        Raises:
            UnreachableError: No joint positions reach a point on the way, or it is forbidden.
            TrajectoryError: A pose is not finite.
        """
        moving = bool(start.state.twist.any() or start.state.acceleration.any())
        least, best, stretch, path = math.inf, None, 1.0, None
        for _ in range(_ATTEMPTS):
            step_s = step_duration_s * stretch
            trajectory = PoseTrajectory(start.state, waypoints, step_s, limits=self._motion)
            if path is None or moving:  # from rest, stretching changes when, but never where
                path = self._path(trajectory, start.joint_positions, len(waypoints))
            excess = self._ceilings.excess(path, trajectory.duration_s / (len(path) - 1))
            if excess < least:
                least, best = excess, trajectory
            if excess <= 1.0:
                break
            stretch *= trajectory.stretch * excess * (1.0 + 1e-6)
        assert best is not None, 'every excess is finite'
        return best

    def _path(
        self, trajectory: PoseTrajectory, joints: NDArray[np.float64], steps: int
    ) -> NDArray[np.float64]:
        """Return `(m, n)` joint positions [rad] along a trajectory, at equal distances in time."""
        count = _SAMPLES_PER_STEP * steps
        path = [joints]
        for index in range(1, count + 1):
            pose, _ = trajectory.sample(index * trajectory.duration_s / count)
            path.append(self._reach(pose, path[-1], index, count))
        return np.array(path)

    def _reach(
        self, pose: Pose, joints: NDArray[np.float64], index: int, count: int
    ) -> NDArray[np.float64]:
        """Return joint positions for a point on the way, or raise UnreachableError."""
        solution = self._kinematics.inverse(pose, joints, posture_step_rad=0.0)
        reason = self._obstacle(pose, solution)
        if reason:
            part = 100.0 * index / count
            raise UnreachableError(f'no way after {part:.0f} % of the motion: {reason}')
        return solution.joint_positions

    def _obstacle(self, pose: Pose, solution: IkSolution) -> str:
        """Return why the arm cannot or must not be at a pose; '' when it may."""
        for number, box in enumerate(self._keep_out, start=1):
            if box.contains(pose.position):
                return f'it leads into keep-out box {number}'
        if not solution.converged:
            return solution.reason
        margin = self._ceilings.limits.margin(solution.joint_positions)
        if not margin >= self._margin_rad:
            return f'a joint comes to {margin:.3f} rad from its end (limit {self._margin_rad} rad)'
        return ''
