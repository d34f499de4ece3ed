"""Trajectories that the joints can follow: reachable all along, within the joints' limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.joint_ceilings import JointCeilings
from jepa_wm_ros.robot.limits import MotionLimits, Workspace
from jepa_wm_ros.robot.plan_motion import ArmKinematics, Start
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.trajectory import PoseTrajectory

_SAMPLES_PER_STEP = 16
_ATTEMPTS = 6
# Inverse kinematics is most of the time between a plan and its first command, so it is solved at
# three points of a step, and a polynomial has the positions and speeds of the joints there and at
# the beginning: against a solution at every sample, the stretch differs by -2 to +4 %.
_NODES = np.array([0.0, 0.3, 0.7, 1.0])


def _interpolation() -> NDArray[np.float64]:
    """Return `(samples, 8)` weights of four positions and four speeds (Hermite)."""
    powers = np.arange(2 * len(_NODES))
    positions = _NODES[:, None] ** powers
    speeds = powers * _NODES[:, None] ** np.maximum(powers - 1, 0)
    samples = (np.arange(1, _SAMPLES_PER_STEP + 1) / _SAMPLES_PER_STEP)[:, None] ** powers
    weights: NDArray[np.float64] = samples @ np.linalg.inv(np.concatenate([positions, speeds]))
    return weights


_INTERPOLATION = _interpolation()


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
        if start.state.twist.any() or start.state.acceleration.any():
            return self._fit_under_way(start, waypoints, step_duration_s)
        trajectory = PoseTrajectory(start.state, waypoints, step_duration_s, limits=self._motion)
        excess = self._excess(trajectory, self._path(trajectory, start, len(waypoints)))
        # From rest, stretching changes when, but never where: one look is enough.
        return trajectory if excess <= 1.0 else trajectory.stretched(excess * (1.0 + 1e-6))

    def _fit_under_way(
        self, start: Start, waypoints: Sequence[Pose], step_duration_s: float
    ) -> PoseTrajectory:
        """Stretch until the joints can follow; the way changes with it. Return the least bad."""
        least, best, stretch = math.inf, None, 1.0
        for _ in range(_ATTEMPTS):
            step_s = step_duration_s * stretch
            trajectory = PoseTrajectory(start.state, waypoints, step_s, limits=self._motion)
            excess = self._excess(trajectory, self._path(trajectory, start, len(waypoints)))
            if excess < least:
                least, best = excess, trajectory
            if excess <= 1.0:
                break
            stretch *= trajectory.stretch * excess * (1.0 + 1e-6)
        assert best is not None, 'every excess is finite'
        return best

    def _excess(self, trajectory: PoseTrajectory, path: NDArray[np.float64]) -> float:
        """Return by which factor a trajectory is too short for its path; <= 1 if it is not."""
        return self._ceilings.excess(path, trajectory.duration_s / (len(path) - 1))

    def _path(self, trajectory: PoseTrajectory, start: Start, steps: int) -> NDArray[np.float64]:
        """Return `(m, n)` joint positions [rad] along a trajectory, at equal distances in time."""
        step_s = trajectory.duration_s / steps
        path, speeds = start.joint_positions[None], step_s * start.joint_velocities
        for step in range(steps):
            nodes, slopes = [path[-1]], [speeds]
            for node in _NODES[1:]:
                pose, twist = trajectory.sample((step + node) * step_s)
                nodes.append(self._reach(pose, nodes[-1], (step + node) / steps))
                slopes.append(step_s * self._kinematics.speeds(nodes[-1], twist))
            path = np.concatenate([path, _INTERPOLATION @ np.array(nodes + slopes)])
            speeds = slopes[-1]
        self._require_margin(path)
        self._require_outside(trajectory, len(path) - 1)
        return path

    def _reach(self, pose: Pose, joints: NDArray[np.float64], part: float) -> NDArray[np.float64]:
        """Return joint positions for a point on the way."""
        solution = self._kinematics.inverse(pose, joints, posture_step_rad=0.0)
        if not solution.converged:
            raise _no_way(part, solution.reason)
        return solution.joint_positions

    def _require_margin(self, path: NDArray[np.float64]) -> None:
        """Raise UnreachableError when a joint comes too near to an end of its range."""
        margins = self._ceilings.limits.margins(path)
        near = np.flatnonzero(~(margins[1:] >= self._margin_rad))
        if near.size:
            first = int(near[0]) + 1
            raise _no_way(
                first / (len(path) - 1),
                f'a joint comes to {margins[first]:.3f} rad from its end '
                f'(limit {self._margin_rad} rad)',
            )

    def _require_outside(self, trajectory: PoseTrajectory, count: int) -> None:
        """Raise UnreachableError when the way leads through a keep-out box."""
        if not self._keep_out:
            return
        for index in range(1, count + 1):
            pose, _ = trajectory.sample(index * trajectory.duration_s / count)
            for number, box in enumerate(self._keep_out, start=1):
                if box.contains(pose.position):
                    raise _no_way(index / count, f'it leads into keep-out box {number}')


def _no_way(part: float, reason: str) -> UnreachableError:
    """Say which part 0..1 of the motion is possible, and what comes then."""
    return UnreachableError(f'no way after {100.0 * part:.0f} % of the motion: {reason}')
