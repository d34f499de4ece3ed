"""How smooth a stream of joint commands is, compared with what the robot's drives can do."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.limits import JointLimits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamFigures:
    """The extremes of a stream.

    Attributes:
        commands: How many there were.
        speed: `(n,)` highest share of the allowed joint speed where the joint was, 0..1.
        acceleration: `(n,)` the same for acceleration.
        jerk: `(n,)` the same for jerk.
        jump_rad: Longest distance from where the command before and its speed lead to, beyond
            what the highest acceleration explains [rad].
    """

    commands: int
    speed: NDArray[np.float64]
    acceleration: NDArray[np.float64]
    jerk: NDArray[np.float64]
    jump_rad: float

    @property
    def worst(self) -> float:
        """The highest of all shares; up to 1 all limits are kept."""
        return float(max(self.speed.max(), self.acceleration.max(), self.jerk.max()))

    def joined(self, other: StreamFigures) -> StreamFigures:
        """Return the extremes of both streams."""
        return StreamFigures(
            commands=self.commands + other.commands,
            speed=np.maximum(self.speed, other.speed),
            acceleration=np.maximum(self.acceleration, other.acceleration),
            jerk=np.maximum(self.jerk, other.jerk),
            jump_rad=max(self.jump_rad, other.jump_rad),
        )


@dataclass(slots=True)
class CommandStream:
    """Commands of one motion, with the times at which the arm shall be there."""

    _times: list[float] = field(default_factory=list)
    _positions: list[NDArray[np.float64]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(self._times)

    def add(self, time_s: float, positions: NDArray[np.float64]) -> None:
        """Append a command: `(n,)` joint positions [rad] for a moment [s], after the last one."""
        self._times.append(time_s)
        self._positions.append(positions)

    def figures(self, limits: JointLimits) -> StreamFigures:
        """Return the extremes, from divided differences of the commands.

        Args:
            limits: Of the joints, with accelerations and jerks.
        """
        assert limits.acceleration is not None
        assert limits.jerk is not None
        times, positions = np.array(self._times), np.array(self._positions)
        speed, at = _slope(times, positions)
        acceleration, later = _slope(at, speed)
        jerk, _ = _slope(later, acceleration)
        down, up = limits.speeds(positions)
        allowed = np.where(
            speed < 0.0, np.minimum(down[1:], down[:-1]), np.minimum(up[1:], up[:-1])
        )
        return StreamFigures(
            commands=len(times),
            speed=_share(speed, allowed),
            acceleration=_share(acceleration, limits.acceleration),
            jerk=_share(jerk, limits.jerk),
            jump_rad=_jump(times, speed, limits.acceleration),
        )


def _slope(
    times: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the slopes between neighbours, and the times in the middle."""
    slope = np.diff(values, axis=0) / np.diff(times)[:, None]
    return slope, 0.5 * (times[1:] + times[:-1])


def _share(values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the `(n,)` highest shares of the limits."""
    share = np.abs(values) / np.maximum(limits, 1e-9)
    return np.max(share, axis=0, initial=0.0)


def _jump(
    times: NDArray[np.float64], speed: NDArray[np.float64], acceleration: NDArray[np.float64]
) -> float:
    """Return the longest part [rad] of a step that no allowed acceleration explains."""
    if len(speed) < 2:
        return 0.0
    duration = np.diff(times)[1:, None]
    between = 0.5 * (times[2:] - times[:-2])[:, None]
    over = np.abs(np.diff(speed, axis=0)) - acceleration * between
    return max(0.0, float((over * duration).max()))
