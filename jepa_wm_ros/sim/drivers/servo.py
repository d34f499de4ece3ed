"""MoveIt Servo: twists and poses of the end effector become joint motions, within limits.

What decides whether a client works is in here: commands of another type than the one switched to
are ignored, as are those without a frame and unitless ones beyond 1; it halts 0.1 s after the last
command; it slows down near singularities and halts in them, and halts before joint limits.
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
        unitless: Whether twists are parts of the scales, -1..1, and not m/s and rad/s.
        linear_scale: Speed of a unitless 1 [m/s]; the limit of pose commands, too.
        rotational_scale: The same for rotation [rad/s].
        timeout_s: It halts when commands are older [s].
        lower_singularity: Condition number from which it slows down.
        upper_singularity: Condition number at which it halts.
        joint_margin_rad: Distance from joint limits at which it halts [rad].
        smoothing_s: Time constant of the filter of joint speeds [s].
    """

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
        command_type: What it listens to; JOINT_JOG after the start, as the real one.
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
        self.command_type = CommandType.JOINT_JOG
        self.code = ServoCode.NO_WARNING

    def activate(self, now_s: float, joints: Vector) -> None:
        """Hold joint positions (7,) [rad]."""
        self._joints, self._speed = joints, np.zeros_like(joints)
        self._command: Vector | Pose | None = None
        self._heard_s = -math.inf
        self.code = ServoCode.NO_WARNING

    def switch(self, command_type: int) -> bool:
        """Listen to another type of commands; return whether there is such a type."""
        if command_type not in tuple(CommandType):
            return False
        self.command_type, self._command = CommandType(command_type), None
        return True

    def twist(self, now_s: float, twist: Vector, frame: str) -> bool:
        """Take a `(6,)` twist of the end effector along the axes of the base frame.

        Returns:
            Whether it counts.
        """
        if self.command_type is not CommandType.TWIST:
            return False
        legal = not self.settings.unitless or bool((np.abs(twist) <= 1.0 + 1e-9).all())
        if not (frame and np.isfinite(twist).all() and legal):
            self.code, self._command = ServoCode.INVALID, None
            return False
        self._command, self._heard_s = np.array(twist, dtype=np.float64), now_s
        return True

    def pose(self, now_s: float, pose: Pose, frame: str) -> bool:
        """Take a pose of the end effector in the base frame; return whether it counts."""
        if self.command_type is not CommandType.POSE:
            return False
        if not (frame and pose.finite):
            self.code, self._command = ServoCode.INVALID, None
            return False
        self._command, self._heard_s = pose, now_s
        return True

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return joint targets for the next cycle."""
        wanted = np.zeros_like(joints)
        if self._command is not None and now_s - self._heard_s <= self.settings.timeout_s:
            wanted = self._speeds(self._tool_twist(self._command))
        else:
            self._command = None
        part = 1.0 - math.exp(-period_s / self.settings.smoothing_s)
        speed = self._speed + part * (wanted - self._speed)
        if self._leaves_limits(self._joints + period_s * speed, speed):
            self.code, speed = ServoCode.JOINT_BOUND, np.zeros_like(speed)
        self._speed, self._joints = speed, self._joints + period_s * speed
        return self._joints, speed

    def _tool_twist(self, command: Vector | Pose) -> Vector:
        """Return the twist (6,) [m/s, rad/s] that a command asks of the end effector."""
        scale = np.repeat([self.settings.linear_scale, self.settings.rotational_scale], 3)
        if not isinstance(command, Pose):
            return command * scale if self.settings.unitless else command
        tool = self._tool.of_flange(self._kinematics.forward(self._joints))
        way = np.concatenate(
            [
                command.position - tool.position,
                vector_from_rotation(command.rotation @ tool.rotation.T),
            ]
        )
        twist = _POSE_GAIN * way
        return twist / max(1.0, float(np.abs(twist / scale).max()))

    def _speeds(self, tool_twist: Vector) -> Vector:
        """Return the joint speeds (7,) [rad/s] for a twist of the end effector."""
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

    def _leaves_limits(self, joints: Vector, speed: Vector) -> bool:
        """Whether a joint moves on towards a limit that is near already."""
        limits, margin = self._kinematics.limits, self.settings.joint_margin_rad
        below = (joints < limits.lower + margin) & (speed < 0.0)
        above = (joints > limits.upper - margin) & (speed > 0.0)
        return bool((below | above).any())
