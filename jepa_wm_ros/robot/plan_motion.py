"""A plan on its way through the arm: way-points, time, and what was measured at each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.joint_velocity import JointVelocity
from jepa_wm_ros.robot.limits import Workspace
from jepa_wm_ros.robot.motion import ExecutedAction, MotionPlan, MotionResult
from jepa_wm_ros.robot.poses import Pose, apply_action, pose_difference
from jepa_wm_ros.robot.settling import Settling
from jepa_wm_ros.robot.trajectory import MotionState, Trajectory

if TYPE_CHECKING:
    from jepa_wm_ros.robot.fitting import TrajectoryFitter
    from jepa_wm_ros.robot.kinematics import IkSolution

# The part of its way to the posture that the elbow takes within one set-point: it arrives gently.
POSTURE_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """Where the arm is.

    Attributes:
        pose: Flange in the base frame.
        gripper: Closedness 0..1; None when it is not known.
    """

    pose: Pose
    gripper: float | None


class ArmKinematics(Protocol):
    """What the executor needs from the kinematics of the arm."""

    def forward(self, joint_positions: NDArray[np.float64]) -> Pose:
        """Return the flange pose (base frame) of `(7,)` joint positions [rad]."""

    def inverse(
        self,
        target: Pose,
        seed: NDArray[np.float64],
        *,
        posture_step_rad: float,
        posture_share: float = 1.0,
    ) -> IkSolution:
        """Return joint positions for a flange pose, near to the seed."""

    def speeds(
        self, joint_positions: NDArray[np.float64], twist: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the least `(7,)` joint speeds [rad/s] for a flange twist [m/s, rad/s]."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a motion begins, and how far ahead of it the first set-point lies [s].

    Nothing ahead means that the arm moves already, and the next set-point comes with the next
    period.
    """

    state: MotionState
    joint_positions: NDArray[np.float64]
    joint_velocities: NDArray[np.float64]
    ahead_s: float


@dataclass(slots=True, kw_only=True, eq=False)
class PlanMotion:
    """The motion of one plan.

    Attributes:
        plan: What was asked for.
        clamped: Whether a limit changed it.
        on_end: Called once with the result.
        waypoints: Flange poses after each action, in the base frame.
        trajectory: The motion through the way-points that are left.
        velocity: The joint speeds of its set-points.
        time_s: How much of the trajectory was commanded [s].
        marks: What was measured at the start and at the end of each completed action.
        paused: Whether the arm holds until pictures come again.
        astray_s: How long it was not where it was commanded when it was to go on [s].
        settling: The wait for rest after the last way-point was commanded; None before.
    """

    plan: MotionPlan
    clamped: bool
    on_end: Callable[[MotionResult], None]
    waypoints: list[Pose]
    trajectory: Trajectory
    velocity: JointVelocity
    time_s: float = 0.0
    marks: list[Measurement] = field(default_factory=list)
    paused: bool = False
    astray_s: float = 0.0
    settling: Settling | None = None
    _before: int = 0
    _grips: NDArray[np.float64] | None = None

    @property
    def target(self) -> Pose:
        """The last way-point."""
        return self.waypoints[-1]

    @property
    def step(self) -> int:
        """The action under way, from 0."""
        left = len(self.waypoints) - self._before
        part = self.time_s / self.trajectory.duration_s
        return self._before + min(int(part * left), left - 1)

    @property
    def progress(self) -> float:
        """Share of the motion that was commanded, 0..1."""
        left = len(self.waypoints) - self._before
        part = self.time_s / self.trajectory.duration_s
        return (self._before + part * left) / len(self.waypoints)

    @property
    def done(self) -> bool:
        """Whether the last way-point was commanded."""
        return self.time_s >= self.trajectory.duration_s

    @property
    def gripper_target(self) -> float | None:
        """Closedness at the end of the action under way; None when the gripper is not known."""
        return None if self._grips is None else float(self._grips[self.step])

    def grip_from(self, gripper: float | None) -> None:
        """Set the gripper's targets from its closedness now."""
        if gripper is not None:
            self._grips = np.clip(gripper + np.cumsum(self.plan.actions[:, 6]), 0.0, 1.0)

    def mark(self, measured: Measurement) -> None:
        """Note what is measured when an action was completed on the way."""
        if self.step > len(self.marks) - 1:
            self.marks.append(measured)

    def solve(
        self,
        kinematics: ArmKinematics,
        time_s: float,
        pose: Pose,
        seed: NDArray[np.float64],
        posture_step_rad: float,
    ) -> IkSolution:
        """Return the joint positions for the pose of the trajectory at a time of it [s]."""
        return kinematics.inverse(
            pose, seed, posture_step_rad=posture_step_rad, posture_share=POSTURE_SHARE
        )

    def restart(self, start: Start, fitter: TrajectoryFitter) -> None:
        """Go on through what is left, from rest, after a pause.

        Raises:
            UnreachableError: There is no way from here.
        """
        self.trajectory = self._rest_of_the_way(start, fitter)
        self.velocity = JointVelocity()
        self.time_s = 0.0
        self.paused, self.astray_s = False, 0.0

    def _rest_of_the_way(self, start: Start, fitter: TrajectoryFitter) -> Trajectory:
        self._before = self.step
        left = self.waypoints[self._before :]
        return fitter.fit(start, left, self.plan.step_duration_s)

    def executed(self, final: Measurement | None) -> tuple[ExecutedAction, ...]:
        """Return the actions that were completed; `final` is measured at the very end."""
        marks = list(self.marks)
        if final is not None and len(marks) == len(self.waypoints):
            marks.append(final)
        commanded = self._commanded()
        return tuple(
            ExecutedAction(
                step=step,
                planned=self.plan.actions[step],
                commanded=commanded[step],
                measured=_difference(marks[step], marks[step + 1]),
                start=marks[step].pose,
                end=marks[step + 1].pose,
            )
            for step in range(len(marks) - 1)
        )

    def _commanded(self) -> NDArray[np.float64]:
        """Return `(H, 7)` actions after all limits."""
        actions = self.plan.actions.copy()
        poses = [self.plan.observation_pose, *self.waypoints]
        for step, action in enumerate(actions):
            action[:6] = pose_difference(poses[step], poses[step + 1])
        if self._grips is not None and self.marks[0].gripper is not None:
            actions[:, 6] = np.diff(self._grips, prepend=self.marks[0].gripper)
        return actions


def _difference(start: Measurement, end: Measurement) -> NDArray[np.float64]:
    """Return the `(7,)` action that leads from one measurement to another."""
    grip = 0.0
    if start.gripper is not None and end.gripper is not None:
        grip = end.gripper - start.gripper
    return np.append(pose_difference(start.pose, end.pose), grip)


def route(
    plan: MotionPlan, actions: NDArray[np.float64], workspace: Workspace
) -> tuple[list[Pose], bool]:
    """Return the way-points inside of the workspace, and whether it changed any."""
    waypoints, pose, moved = [], plan.observation_pose, False
    for action in actions:
        free = apply_action(pose, action)
        pose = workspace.clip_pose(free)
        moved |= pose is not free
        waypoints.append(pose)
    return waypoints, moved
