"""The commands of a motion: made from its trajectory, checked by the supervisor, sent.

What changes how a motion runs without changing its path is applied here: the speed override, the
elbow's own motion and the patience of the gripper. None of them may make a command jump.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.arm_view import ArmView
from jepa_wm_ros.robot.faults import FaultCode
from jepa_wm_ros.robot.fitting import TrajectoryFitter
from jepa_wm_ros.robot.gate import CommandGate
from jepa_wm_ros.robot.gripper_gate import GripperGate
from jepa_wm_ros.robot.joint_ceilings import JointCeilings
from jepa_wm_ros.robot.motion import ArmCommand, ExecutionSettings, Moment
from jepa_wm_ros.robot.plan_motion import ArmKinematics, PlanMotion, Start
from jepa_wm_ros.robot.poses import twist_between
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.settling import Settling
from jepa_wm_ros.robot.slew import Slew
from jepa_wm_ros.robot.trajectory import MotionState

# How fast the speed override and the elbow's own motion change [1/s].
PACE_RATE = 4.0
ELBOW_RATE = 5.0
# A motion that is slowed down further than this stands still: a route at such a speed has times
# that no message can hold.
LEAST_OVERRIDE = 0.01
ELSEWHERE = (
    'joint {} is {:.3f} rad from where the arm was commanded last (limit {} rad), and the next '
    'command would pull it back: was it moved by hand, by others, or does it not follow? Disarm, '
    'look at the arm, arm again'
)


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
    """

    def __init__(
        self,
        *,
        kinematics: ArmKinematics,
        supervisor: SafetySupervisor,
        settings: ExecutionSettings,
        view: ArmView,
        gate: CommandGate,
    ) -> None:
        """Command nothing yet.

        Args:
            kinematics: Of the arm.
            supervisor: Its limits shape the motions.
            settings: How plans are executed.
            view: What is measured.
            gate: Lets commands pass to the wire.
        """
        self.settings = settings
        self._kinematics = kinematics
        self._supervisor = supervisor
        self._view = view
        self._gate = gate
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
        self._override = float(value) if value >= LEAST_OVERRIDE else 0.0

    @property
    def last(self) -> ArmCommand | None:
        """The last command; None before the first."""
        return self._gate.last

    def forget(self) -> None:
        """Forget what was commanded: it says nothing any more about where the arm is."""
        self._gate.forget()
        self._gripper.forget()

    def start(self) -> Start:
        """Return where a motion from rest begins.

        It begins at the last command, so that the command does not jump; an arm that was not
        commanded yet begins where it is.
        """
        joints, last = self._view.joints, self.last
        assert joints is not None, 'an admitted plan has fresh joint states'
        pose = self._kinematics.forward(joints) if last is None else last.pose
        joints = joints if last is None else last.joint_positions
        rest = np.zeros_like(joints)
        return Start(MotionState.at_rest(pose), joints, rest, self.settings.lookahead_s)

    def elsewhere(self) -> str:
        """Say that a resting arm is not where it was commanded last; empty when it is.

        A motion from rest begins with the last command. Where somebody else has moved the arm
        since, that first command would be a jump for the arm, though not for the commands.
        """
        last, joints = self.last, self._view.joints
        if last is None or joints is None or not self._supervisor.armed:
            return ''
        away = np.abs(joints - last.joint_positions)
        joint, most = int(away.argmax()), self.settings.hold_tolerance_rad
        return '' if away[joint] <= most else ELSEWHERE.format(joint + 1, away[joint], most)

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
        self._gate.repeat()

    def brake(
        self,
        joints: NDArray[np.float64],
        velocities: NDArray[np.float64],
        elapsed_s: float,
        *,
        hold: bool = False,
    ) -> None:
        """Command a point on the way to a standstill, or the standstill (`hold`).

        Args:
            joints: `(7,)` positions [rad].
            velocities: `(7,)` speeds [rad/s].
            elapsed_s: Time since the last command [s].
            hold: Whether the arm stays there.
        """
        last, pose = self.last, self._kinematics.forward(joints)
        assert last is not None, 'only what was commanded has to brake'
        twist = np.zeros(6)
        if elapsed_s > 0.0 and not hold:
            twist = twist_between(last.pose, pose, elapsed_s)
        if hold:
            self._gripper.forget()
        self._gate.brake(
            ArmCommand(
                pose=pose,
                joint_positions=joints,
                joint_velocities=velocities,
                twist=twist,
                brake=not hold,
                hold=hold,
            ),
            elapsed_s=elapsed_s,
        )

    def hold(self) -> None:
        """Have a resting arm stay where it was commanded, when it is there."""
        self._gripper.forget()
        self._gate.hold(self.settings.hold_tolerance_rad)

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
        return self._pass(motion, self._with_grip(motion, command, now), change, before, now)

    def _pass(
        self,
        motion: PlanMotion,
        command: ArmCommand,
        change: NDArray[np.float64],
        before: _Before,
        now: Moment,
    ) -> bool:
        """Send a command through the gate; note that the motion has nothing more to command."""
        sent = self._gate.go(
            command,
            measured=self._view.measurement.pose,
            jump=change - before.elapsed_s * before.velocities,
            elapsed_s=before.elapsed_s,
        )
        if sent and motion.done:
            motion.settling = Settling(motion.target, now.ros_s, self.settings)
        return sent

    def _elbow_step(self, motion: PlanMotion, before: _Before) -> float:
        """Return how far the elbow may return to its posture with the next command [rad]."""
        left_s = motion.trajectory.duration_s - motion.time_s
        share = self._elbow.update(float(left_s > 1.0 / ELBOW_RATE), before.elapsed_s)
        return share * self.settings.posture_speed_rad_s * before.elapsed_s

    def _with_grip(self, motion: PlanMotion, command: ArmCommand, now: Moment) -> ArmCommand:
        """Return a command with what the gripper is told; the last one of a motion rests."""
        settings = self.settings
        grip = self._gripper.decide(
            motion.gripper_target,
            now.steady_s,
            step=settings.gripper_step,
            hold_s=settings.gripper_hold_s,
        )
        velocities = command.joint_velocities
        if motion.done:
            velocities = np.zeros_like(velocities)
        return replace(command, gripper=grip, joint_velocities=velocities)
