"""Grippers: fingers that take time, stop at an object, and answer as their drivers do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.gripper import GripperCodec

HAND_WIDTH_M = 0.08
HAND_DEFAULT_SPEED_M_S = 0.1
HAND_DEFAULT_EPSILON_M = 0.005
HAND_SAME_M = 1e-4
ROBOTIQ_CLOSED_RAD = 0.7929
ROBOTIQ_SPEED_RAD_S = 1.4
ROBOTIQ_TOLERANCE_RAD = 0.01


class GripperRejectedError(JepaWmError):
    """A gripper cannot go there."""


@dataclass(slots=True)
class Fingers:
    """One degree of freedom that moves at a constant speed, and stops at an object.

    Attributes:
        position: Where they are [unit].
        target: Where they go [unit].
        speed: How fast [unit/s].
        object_at: Position beyond which an object does not let them close; None without one.
        closes_upwards: Whether a larger position is more closed.
    """

    position: float
    target: float
    speed: float
    object_at: float | None = None
    closes_upwards: bool = True

    def update(self, period_s: float) -> None:
        """Let time pass."""
        way = self.target - self.position
        step = math.copysign(min(abs(way), self.speed * period_s), way)
        wanted = self.position + step
        if self.object_at is not None and way and (way > 0.0) == self.closes_upwards:
            wanted = (min if self.closes_upwards else max)(wanted, self.object_at)
        self.position = wanted

    @property
    def blocked(self) -> bool:
        """Whether an object keeps them from their target."""
        if self.object_at is None or self.position != self.object_at:
            return False
        return (self.target > self.position) == self.closes_upwards and not self.arrived

    @property
    def arrived(self) -> bool:
        """Whether they are at their target."""
        return abs(self.target - self.position) < 1e-9


@dataclass(frozen=True, slots=True)
class GripperOutcome:
    """How a command of a gripper ended.

    Attributes:
        success: Whether it did what was asked for.
        stalled: Whether an object stopped the fingers.
        position: What the driver's result says as position or width.
    """

    success: bool
    stalled: bool
    position: float


class FrankaHand:
    """The Franka Hand: full widths in `move` and `grasp`, half widths in `gripper_action` goals.

    Attributes:
        fingers: Width between the fingers [m].
    """

    def __init__(self, object_width_m: float | None = None) -> None:
        """Begin open; an object of some width may lie between the fingers."""
        self.fingers = Fingers(
            HAND_WIDTH_M, HAND_WIDTH_M, HAND_DEFAULT_SPEED_M_S, object_width_m, False
        )
        self._epsilon: tuple[float, float] | None = None
        self._wanted_m = HAND_WIDTH_M

    @property
    def closedness(self) -> float:
        """0 open .. 1 closed."""
        return GripperCodec.preset('franka_hand_width').decode(self.fingers.position)

    @property
    def finger_positions(self) -> tuple[float, float]:
        """What joint_states say: each finger moves by half of the width [m]."""
        half = 0.5 * self.fingers.position
        return half, half

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Begin to move to a width.

        Raises:
            GripperRejectedError: There is no such width.
        """
        self._begin(width_m, speed_m_s, None)

    def grasp(self, width_m: float, speed_m_s: float, epsilon_m: tuple[float, float]) -> None:
        """Begin to close; success is a width within (inner, outer) of the one asked for.

        Raises:
            GripperRejectedError: There is no such width.
        """
        self._begin(width_m, speed_m_s, epsilon_m)

    def command(self, position: float) -> None:
        """Begin what `gripper_action` does: its goal is half of a width [m].

        Raises:
            GripperRejectedError: The width is out of range, as that of somebody who sends widths.
        """
        width = 2.0 * position
        epsilon = (HAND_DEFAULT_EPSILON_M, HAND_DEFAULT_EPSILON_M)
        opens = width >= self.fingers.position - HAND_SAME_M
        self._begin(width, HAND_DEFAULT_SPEED_M_S, None if opens else epsilon)

    def stop(self) -> None:
        """Stop where the fingers are."""
        self.fingers.target = self.fingers.position

    def outcome(self) -> GripperOutcome | None:
        """Return how the command ended; None while the fingers move.

        The position is the whole width, whatever the goal was.
        """
        width = self.fingers.position
        if not (self.fingers.arrived or self.fingers.blocked):
            return None
        if self._epsilon is None:
            success = abs(width - self._wanted_m) < 1e-3
        else:
            inner, outer = self._epsilon
            success = self._wanted_m - inner - 1e-9 <= width <= self._wanted_m + outer + 1e-9
        return GripperOutcome(success, self.fingers.blocked, width)

    def _begin(
        self, width_m: float, speed_m_s: float, epsilon_m: tuple[float, float] | None
    ) -> None:
        if not (0.0 <= width_m <= HAND_WIDTH_M + 1e-9 and speed_m_s > 0.0):
            raise GripperRejectedError(
                f'width {width_m:.3f} m at {speed_m_s:.3f} m/s: the hand opens to {HAND_WIDTH_M} m'
            )
        self.fingers.target = self._wanted_m = width_m
        self.fingers.speed, self._epsilon = speed_m_s, epsilon_m


class Robotiq:
    """A 2F-85 behind a gripper action controller: the knuckle's angle, 0 open.

    Attributes:
        fingers: Angle of the knuckle [rad].
        allow_stalling: Whether fingers that an object stopped end a goal well; the controller's
            default is not.
    """

    def __init__(
        self, object_angle_rad: float | None = None, *, allow_stalling: bool = True
    ) -> None:
        """Begin open; an object may stop the fingers at some angle."""
        self.fingers = Fingers(0.0, 0.0, ROBOTIQ_SPEED_RAD_S, object_angle_rad)
        self.allow_stalling = allow_stalling

    @property
    def closedness(self) -> float:
        """0 open .. 1 closed."""
        return GripperCodec.preset('robotiq').decode(self.fingers.position)

    def command(self, position: float) -> None:
        """Begin to move the knuckle to an angle [rad]; beyond its range it goes to the end.

        Raises:
            GripperRejectedError: It is not a number.
        """
        if not math.isfinite(position):
            raise GripperRejectedError(f'the gripper cannot go to {position} rad')
        self.fingers.target = min(max(position, 0.0), ROBOTIQ_CLOSED_RAD)

    def stop(self) -> None:
        """Stop where the fingers are."""
        self.fingers.target = self.fingers.position

    def outcome(self) -> GripperOutcome | None:
        """Return how the command ended; None while the fingers move."""
        fingers = self.fingers
        near = abs(fingers.target - fingers.position) <= ROBOTIQ_TOLERANCE_RAD
        if near or fingers.blocked:
            return GripperOutcome(near or self.allow_stalling, not near, fingers.position)
        return None
