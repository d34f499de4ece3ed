"""MoveIt Servo: twists and poses of the end effector become joint motions, within limits.

docs/conformance.md has the rules, one a line, each with its test. Those that surprise: commands of
another type than the one switched to are dropped, and the status does not tell; a command counts
for 0.1 s from its stamp, so that one without a stamp counts for nothing; a paused Servo says
nothing at all. On Humble there are only twists, Servo has to be started, unitless twists beyond 1
are skipped in silence (later releases take them), and a paused one still says that all is well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, vector_from_rotation
from jepa_wm_ros.robot.tool import Tool

Vector = NDArray[np.float64]

_DAMPING = 1e-4
_POSE_GAIN = 15.0


class CommandType(IntEnum):
    """What Servo listens to."""

    JOINT_JOG = 0
    TWIST = 1
    POSE = 2


class ServoCode(IntEnum):
    """What Servo says about itself."""

    INVALID = -1
    NO_WARNING = 0
    DECELERATE_FOR_APPROACHING_SINGULARITY = 1
    HALT_FOR_SINGULARITY = 2
    JOINT_BOUND = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveItServoSettings:
    """How Servo is configured; the defaults are its own.

    Attributes:
        base_frame: Frame in which it plans; the emulator knows no other.
        humble: Whether it is that of Humble.
        unitless: Whether twists are parts of the scales, -1..1, and not m/s and rad/s.
        linear_scale: Speed of a unitless 1 [m/s]; the limit of others (Iron and later), too.
        rotational_scale: The same for rotation [rad/s].
        timeout_s: It halts when commands are older [s].
        lower_singularity: Condition number from which it slows down.
        upper_singularity: Condition number at which it halts.
        joint_margin_rad: Distance from joint limits at which it halts [rad].
        smoothing_s: Time constant of the filter of joint speeds [s].
    """

    base_frame: str = 'fr3_link0'
    humble: bool = False
    unitless: bool = True
    linear_scale: float = 0.4
    rotational_scale: float = 0.8
    timeout_s: float = 0.1
    lower_singularity: float = 17.0
    upper_singularity: float = 30.0
    joint_margin_rad: float = 0.1
    smoothing_s: float = 0.015


class MoveItServo:
    """Follows twists or poses.

    Attributes:
        settings: How it is configured.
        active: Whether the controller below it is active.
        command_type: What it listens to; JOINT_JOG after the start, as the real one.
        started: Whether its loop runs; on Humble somebody has to start it.
        paused: Whether it does nothing.
        code: What it says about itself.
    """

    def __init__(
        self, kinematics: Kinematics, tool: Tool, settings: MoveItServoSettings | None = None
    ) -> None:
        """Make a Servo; it has to be activated.

        Args:
            kinematics: Of the arm.
            tool: Its end effector.
            settings: None takes Servo's own.
        """
        self._kinematics, self._tool = kinematics, tool
        self.settings = settings or MoveItServoSettings()
        self.active = False
        self.started, self.paused = not self.settings.humble, False
        self.command_type = CommandType.TWIST if self.settings.humble else CommandType.JOINT_JOG
        self.code = ServoCode.NO_WARNING

    def activate(self, now_s: float, joints: Vector) -> None:
        """Hold joint positions (7,) [rad]."""
        self.active = True
        self._joints, self._speed = joints, np.zeros_like(joints)
        self._command: Vector | Pose | None = None
        self._stamp_s = -math.inf
        self.code = ServoCode.NO_WARNING

    def deactivate(self) -> None:
        """Nobody plays what it sends any more; it does not notice."""
        self.active = False

    def switch(self, command_type: int) -> bool:
        """Listen to another type of commands; return whether there is such a type."""
        if command_type not in tuple(CommandType):
            return False
        if command_type != self.command_type:
            self.command_type, self._command = CommandType(command_type), None
        return True

    def start(self) -> bool:
        """Start the loop (Humble); a pause ends."""
        self.started, self.paused = True, False
        return True

    def pause(self, paused: bool) -> bool:
        """Do nothing any more, or go on; stopping it on Humble is the same."""
        self.paused = paused
        self._speed = np.zeros_like(self._speed)
        return True

    @property
    def silent(self) -> bool:
        """Whether no status is published: the loop does not run, or skips what it does."""
        return not self.started or (self.paused and not self.settings.humble)

    def twist(self, now_s: float, twist: Vector, frame: str, age_s: float = 0.0) -> bool:
        """Take a `(6,)` twist of the end effector along the axes of the base frame.

        Args:
            now_s: The moment [s], simulated time.
            twist: In m/s and rad/s, or in parts of the scales.
            frame: That of its header.
            age_s: How old its stamp is [s]; `math.inf` without a stamp.

        Returns:
            Whether it counts.
        """
        if self.command_type is not CommandType.TWIST:
            return False
        settings = self.settings
        twist = np.array(twist, dtype=np.float64)
        legal = bool(np.isfinite(twist).all())
        if settings.humble:
            legal &= not settings.unitless or bool((np.abs(twist) <= 1.0).all())
            return self._take(now_s, twist, legal and frame in ('', settings.base_frame), age_s)
        return self._take(now_s, twist, legal and frame == settings.base_frame, age_s)

    def pose(self, now_s: float, pose: Pose, frame: str, age_s: float = 0.0) -> bool:
        """Take a pose of the end effector in the base frame; return whether it counts."""
        if self.command_type is not CommandType.POSE:
            return False
        return self._take(now_s, pose, pose.finite and frame == self.settings.base_frame, age_s)

    def _take(self, now_s: float, command: Vector | Pose, legal: bool, age_s: float) -> bool:
        stamp_s = now_s - age_s
        if self.settings.humble and math.isinf(age_s):
            stamp_s = self._stamp_s  # a command without a stamp leaves that of the one before
        self._stamp_s = stamp_s
        if self._stale(now_s):
            self._command = None
            return False
        if not legal:
            self._command = None
            if not self.settings.humble:
                self.code = ServoCode.INVALID
            return False
        self._command = command
        return True

    def _stale(self, now_s: float) -> bool:
        return now_s - self._stamp_s >= self.settings.timeout_s

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return joint targets for the next cycle."""
        if not self.started or self.paused or not self.active:
            return self._joints, np.zeros_like(joints)
        wanted = np.zeros_like(joints)
        if self.settings.humble:
            self.code = ServoCode.NO_WARNING  # it forgets what it has said once
        if self._command is not None and not self._stale(now_s):
            wanted = self._speeds(self._tool_twist(self._command))
        else:
            self._command = None
        part = 1.0 - math.exp(-period_s / self.settings.smoothing_s)
        speed = self._speed + part * (wanted - self._speed)
        at_limits = self._leaves_limits(self._joints + period_s * speed, speed)
        if at_limits.any():
            self.code = ServoCode.JOINT_BOUND
            # by default all joints halt together for twists, and only those for poses
            halted = at_limits | (self.command_type is CommandType.TWIST)
            speed = np.where(halted, 0.0, speed)
        self._speed, self._joints = speed, self._joints + period_s * speed
        return self._joints, speed

    def _tool_twist(self, command: Vector | Pose) -> Vector:
        """Return the twist (6,) [m/s, rad/s] that a command asks of the end effector."""
        settings = self.settings
        scales = (settings.linear_scale, settings.rotational_scale)
        if isinstance(command, Pose):
            tool = self._tool.of_flange(self._kinematics.forward(self._joints))
            turn = vector_from_rotation(command.rotation @ tool.rotation.T)
            way = np.concatenate([command.position - tool.position, turn])
            return _limited(_POSE_GAIN * way, scales)
        if settings.unitless:
            return command * np.repeat(scales, 3)
        return command if settings.humble else _limited(command, scales)

    def _speeds(self, tool_twist: Vector) -> Vector:
        """Return the joint speeds (7,) [rad/s] for a twist of the end effector."""
        if not tool_twist.any():
            self.code = ServoCode.NO_WARNING
            return np.zeros_like(self._joints)
        flange = self._kinematics.forward(self._joints)
        arm = flange.rotation @ self._tool.in_flange.position
        twist = tool_twist.copy()
        twist[:3] -= np.cross(tool_twist[3:], arm)
        jacobian = self._kinematics.jacobian(self._joints)
        gram = jacobian @ jacobian.T + _DAMPING * np.eye(6)
        speeds: Vector = jacobian.T @ np.linalg.solve(gram, twist)
        return speeds * self._slowdown(jacobian)

    def _slowdown(self, jacobian: Vector) -> float:
        """Return the part 0..1 of the speed that is left near a singularity."""
        low, high = self.settings.lower_singularity, self.settings.upper_singularity
        condition = float(np.linalg.cond(jacobian))
        if condition >= high:
            self.code = ServoCode.HALT_FOR_SINGULARITY
            return 0.0
        if condition > low:
            self.code = ServoCode.DECELERATE_FOR_APPROACHING_SINGULARITY
            return 1.0 - (condition - low) / (high - low)
        self.code = ServoCode.NO_WARNING
        return 1.0

    def _leaves_limits(self, joints: Vector, speed: Vector) -> NDArray[np.bool_]:
        """Say of each joint whether it moves on towards a limit that is near already."""
        limits, margin = self._kinematics.limits, self.settings.joint_margin_rad
        below = (joints < limits.lower + margin) & (speed < 0.0)
        above = (joints > limits.upper - margin) & (speed > 0.0)
        return np.asarray(below | above)


def _limited(twist: Vector, scales: tuple[float, float]) -> Vector:
    """Return a twist (6,) whose linear and angular speeds are no higher than the scales."""
    parts = [
        part / max(1.0, float(np.linalg.norm(part)) / scale)
        for part, scale in zip((twist[:3], twist[3:]), scales, strict=True)
    ]
    return np.concatenate(parts)
