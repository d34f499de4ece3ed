"""The commands of a motion: made from its trajectory, checked by the supervisor, sent.

What changes how a motion runs without changing its path is applied here: the speed override, the
elbow's own motion and the patience of the gripper. None of them may make a command jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.arm_view import ArmView
from jepa_wm_ros.robot.faults import FaultCode
from jepa_wm_ros.robot.fitting import TrajectoryFitter
from jepa_wm_ros.robot.gripper_gate import GripperGate
from jepa_wm_ros.robot.joint_ceilings import JointCeilings
from jepa_wm_ros.robot.motion import ArmCommand, ExecutionSettings, Moment
from jepa_wm_ros.robot.plan_motion import ArmKinematics, PlanMotion, Start
from jepa_wm_ros.robot.poses import twist_between
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_rules import CommandCheck
from jepa_wm_ros.robot.settling import Settling
from jepa_wm_ros.robot.slew import Slew
from jepa_wm_ros.robot.trajectory import MotionState

# How fast the speed override and the elbow's own motion change [1/s].
PACE_RATE = 4.0
ELBOW_RATE = 5.0


class OverrideError(JepaWmError):
    """A speed override is not a number from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """The command before: `(7,)` joints [rad] and speeds [rad/s], and how long ago [s]."""

    joints: NDArray[np.float64]
    velocities: NDArray[np.float64]
    elapsed_s: float


class SetPoints:
    """Commands the arm.

    Attributes:
        settings: How plans are executed.
        last: The last command; None before the first.
    """

    def __init__(
        self,
        *,
        kinematics: ArmKinematics,
        supervisor: SafetySupervisor,
        settings: ExecutionSettings,
        view: ArmView,
        send: Callable[[ArmCommand], None],
    ) -> None:
        """Command nothing yet.

        Args:
            kinematics: Of the arm.
            supervisor: Checks each command of a motion.
            settings: How plans are executed.
            view: What is measured.
            send: Puts a command on the wire.
        """
        self.settings = settings
        self.last: ArmCommand | None = None
        self._kinematics = kinematics
        self._supervisor = supervisor
        self._view = view
        self._send = send
        self._gripper = GripperGate()
        self._override = 1.0
        self._pace = Slew(1.0, PACE_RATE)
        self._elbow = Slew(0.0, ELBOW_RATE)

    @property
    def override(self) -> float:
        """Part 0..1 of the planned speed at which motions run."""
        return self._override

    @override.setter
    def override(self, value: float) -> None:
        if not 0.0 <= value <= 1.0:
            raise OverrideError(f'the speed override must be within 0 .. 1, got {value}')
        self._override = float(value)

    def forget(self) -> None:
        """Forget what was commanded: it says nothing any more about where the arm is."""
        self.last = None
        self._gripper.forget()

    def rest(self) -> NDArray[np.float64] | None:
        """Return where a resting arm is: at its last command, unless it was moved from there."""
        last, measured = self.last, self._view.joints
        if last is None or measured is None:
            return measured
        offset = np.abs(last.joint_positions - measured).max()
        near = offset <= self.settings.start_tolerance_rad
        return last.joint_positions if near else measured

    def start(self) -> Start:
        """Return where a motion from rest begins."""
        joints, last = self.rest(), self.last
        assert joints is not None, 'an admitted plan has fresh joint states'
        near = last is not None and joints is last.joint_positions
        pose = last.pose if last is not None and near else self._kinematics.forward(joints)
        rest = np.zeros_like(joints)
        return Start(MotionState.at_rest(pose), joints, rest, self.settings.lookahead_s)

    def fitter(self) -> TrajectoryFitter:
        """Return what makes trajectories under the present limits."""
        limits, settings = self._supervisor.limits, self.settings
        ceilings = JointCeilings(limits=limits.joints, stop_time_s=settings.stop_time_s)
        return TrajectoryFitter(
            self._kinematics,
            settings.motion,
            ceilings,
            margin_rad=limits.joint_margin_rad,
            keep_out=limits.keep_out,
        )

    def begin(self, motion: PlanMotion, start: Start, now: Moment) -> bool:
        """Command the first point of a motion from rest; return whether it was allowed."""
        self._pace.value, self._elbow.value = self._override, 0.0
        before = _Before(start.joint_positions, start.joint_velocities, start.ahead_s)
        return self._advance(motion, before, now)

    def go_on(self, motion: PlanMotion, elapsed_s: float, now: Moment) -> bool:
        """Command the point that is a time further [s]; return whether it was allowed."""
        last = self.last
        assert last is not None, 'a motion begins with a command'
        before = _Before(last.joint_positions, last.joint_velocities, elapsed_s)
        return self._advance(motion, before, now)

    def repeat(self) -> None:
        """Send the last command again."""
        if self.last is not None:
            self._send(self.last)

    def brake(
        self, joints: NDArray[np.float64], velocities: NDArray[np.float64], elapsed_s: float
    ) -> None:
        """Command a point on the way to a standstill: `(7,)` positions [rad], speeds [rad/s]."""
        last, pose = self.last, self._kinematics.forward(joints)
        assert last is not None, 'only what was commanded has to brake'
        self._command(
            ArmCommand(
                pose=pose,
                joint_positions=joints,
                joint_velocities=velocities,
                twist=twist_between(last.pose, pose, elapsed_s),
                brake=True,
            )
        )

    def hold(self, joints: NDArray[np.float64] | None) -> None:
        """Command the arm to stay at joint positions `(7,)` [rad], when they are known."""
        if joints is None:
            return
        self._gripper.forget()
        self._command(
            ArmCommand(
                pose=self._kinematics.forward(joints),
                joint_positions=joints,
                joint_velocities=np.zeros_like(joints),
                hold=True,
            )
        )

    def _advance(self, motion: PlanMotion, before: _Before, now: Moment) -> bool:
        """Command the next point of the trajectory, if the supervisor lets it pass."""
        elapsed_s = before.elapsed_s
        pace = self._pace.update(self._override, elapsed_s)
        motion.time_s = min(motion.time_s + pace * elapsed_s, motion.trajectory.duration_s)
        pose, twist = motion.trajectory.sample(motion.time_s)
        motion.mark(self._view.measurement)
        elbow_rad = pace * self._elbow_step(motion, before)
        solution = motion.solve(self._kinematics, motion.time_s, pose, before.joints, elbow_rad)
        if not solution.converged:
            self._supervisor.latch(FaultCode.UNREACHABLE, f'on the way: {solution.reason}')
            return False
        change = solution.joint_positions - before.joints
        command = ArmCommand(
            pose=pose,
            joint_positions=solution.joint_positions,
            joint_velocities=motion.velocity.update(change, elapsed_s),
            twist=pace * twist,
        )
        if not self._supervisor.check(self._asked(command, change, before)):
            return False
        self._go_to(motion, command, now)
        return True

    def _asked(
        self, command: ArmCommand, change: NDArray[np.float64], before: _Before
    ) -> CommandCheck:
        """Return what the supervisor is asked about a command."""
        return CommandCheck(
            pose=command.pose,
            twist=command.twist,
            joint_positions=command.joint_positions,
            joint_velocities=command.joint_velocities,
            measured_pose=self._view.measurement.pose,
            jump=change - before.elapsed_s * before.velocities,
            period_s=before.elapsed_s,
        )

    def _elbow_step(self, motion: PlanMotion, before: _Before) -> float:
        """Return how far the elbow may return to its posture with the next command [rad]."""
        left_s = motion.trajectory.duration_s - motion.time_s
        share = self._elbow.update(float(left_s > 1.0 / ELBOW_RATE), before.elapsed_s)
        return share * self.settings.posture_speed_rad_s * before.elapsed_s

    def _go_to(self, motion: PlanMotion, command: ArmCommand, now: Moment) -> None:
        """Send a command that was found to be safe."""
        settings = self.settings
        grip = self._gripper.decide(
            motion.gripper_target,
            now.steady_s,
            step=settings.gripper_step,
            hold_s=settings.gripper_hold_s,
        )
        if motion.done:
            motion.settling = Settling(motion.target, now.ros_s, settings)
            rest = np.zeros_like(command.joint_velocities)
            command = replace(command, joint_velocities=rest)
        self._command(replace(command, gripper=grip))

    def _command(self, command: ArmCommand) -> None:
        """Send a command and remember it."""
        self.last = command
        self._send(command)
