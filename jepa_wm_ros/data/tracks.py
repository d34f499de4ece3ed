"""Robot states of a whole recording, looked up by time with the rules of the live robot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.robot.joint_buffer import JointBufferError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.robot.state import RobotSample, RobotState

_COARSE_S = 0.01
"""Stamps may be as coarse as this: two states of one stamp are no jump [s]."""


@dataclass(frozen=True, slots=True)
class JointEvent:
    """A joint state message: names and positions [rad or m]."""

    stamp_s: float
    names: Sequence[str]
    positions: Sequence[float]
    arrived_s: float | None = None

    def enter(self, robot: RobotState) -> None:
        """Hand it to the robot's state."""
        robot.add_joints(self.stamp_s, self.names, self.positions, self.arrived_s)


@dataclass(frozen=True, slots=True)
class PoseEvent:
    """A flange pose in the base frame."""

    stamp_s: float
    pose: Pose

    def enter(self, robot: RobotState) -> None:
        """Hand it to the robot's state."""
        robot.add_pose(self.stamp_s, self.pose)


@dataclass(frozen=True, slots=True, eq=False)
class ArmPath:
    """Where the arm was, as the recording has it.

    Attributes:
        stamps: `(M,)` [s], in any order.
        values: `(M, n)` joint positions [rad], or flange positions [m].
        fastest: More than this a second is no motion: a simulator put the arm there.
    """

    stamps: NDArray[np.float64]
    values: NDArray[np.float64]
    fastest: float

    def jumps(self) -> NDArray[np.float64]:
        """`(J, 2)` stamps before and after each jump [s]."""
        order = np.argsort(self.stamps, kind='stable')
        stamps, values = self.stamps[order], self.values[order]
        elapsed = np.maximum(np.diff(stamps), _COARSE_S)
        speed = np.abs(np.diff(values, axis=0)).max(axis=1, initial=0.0) / elapsed
        rows = np.flatnonzero(speed > self.fastest)
        return np.stack([stamps[rows], stamps[rows + 1]], axis=1)


class StateTrack:
    """Replays state messages into a `RobotState` and asks it on the way, as the live node does.

    Args:
        robot: Fresh; knows joint names, gripper and kinematics.
        events: All messages, in any order.
        arm: What they say of the arm, for rates and jumps.
        gripper_from_s: When the gripper reports first [s]; before, nobody knows it.
    """

    def __init__(
        self,
        robot: RobotState,
        events: Iterable[JointEvent | PoseEvent],
        arm: ArmPath,
        gripper_from_s: float = -math.inf,
    ) -> None:
        self._robot = robot
        self._gripper_from_s = gripper_from_s
        self._events = sorted(events, key=lambda event: event.stamp_s)
        self._jumps = arm.jumps()
        self.arm_stamps = np.sort(arm.stamps)
        self.trouble = ''
        """Why the robot was not known at the first moment where it was not."""

    @property
    def rate_hz(self) -> float:
        """Arm states per second; 0 when there are fewer than two."""
        return rate_hz(self.arm_stamps)

    def covers(self, stamps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """`(N,)`: which moments [s] lie between the first states and the last, give or take."""
        if not len(self.arm_stamps):
            return np.zeros(len(stamps), dtype=bool)
        period_s = 1.0 / self.rate_hz if self.rate_hz else 0.0
        first, last = max(self.arm_stamps[0], self._gripper_from_s), self.arm_stamps[-1]
        return (stamps >= first) & (stamps <= last + period_s)

    def at(self, stamps: Sequence[float] | NDArray[np.float64]) -> list[RobotSample | None]:
        """The robot at ascending moments [s]; None where nobody knows. May be asked once.

        Raises:
            JointBufferError: A message holds a number that is not finite.
            GripperError: The gripper's reading does not fit its kind.
        """
        samples: list[RobotSample | None] = []
        entered = 0
        for stamp_s in stamps:
            # One state beyond the picture, so that nothing is extrapolated; not many more, for
            # the buffer is short.
            while entered < len(self._events) and self._wanted(entered, stamp_s):
                self._events[entered].enter(self._robot)
                entered += 1
            samples.append(self._sample(float(stamp_s)))
        return samples

    def crossed(self, stamps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """`(N-1,)`: whether the arm jumps between each moment [s] and the next."""
        return np.diff(np.searchsorted(self._jumps[:, 0], stamps, side='right')) > 0

    def _wanted(self, entered: int, stamp_s: float) -> bool:
        """Whether the next event is before the moment, or needed to reach it."""
        before = self._events[entered].stamp_s <= stamp_s
        return before or self._robot.skew_s(stamp_s) > 0.0

    def _sample(self, stamp_s: float) -> RobotSample | None:
        if self._in_jump(stamp_s):
            return None
        try:
            return self._robot.at(stamp_s)
        except JointBufferError as error:
            self.trouble = self.trouble or str(error)
            return None

    def _in_jump(self, stamp_s: float) -> bool:
        """Whether the moment lies between the two states of a jump, where nothing is known."""
        before, after = self._jumps[:, 0], self._jumps[:, 1]
        return bool(((before < stamp_s) & (stamp_s < after)).any())


def rate_hz(stamps: NDArray[np.float64]) -> float:
    """Median rate of ascending stamps [Hz]; 0 when there are fewer than two different ones."""
    steps = np.diff(stamps)
    steps = steps[steps > 0]
    return float(1.0 / np.median(steps)) if len(steps) else 0.0
