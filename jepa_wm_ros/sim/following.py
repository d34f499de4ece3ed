"""What a joint trajectory controller does between two commands: follow a spline, then hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.limits import JointLimits

Vector = NDArray[np.float64]

_SHORTEST_S = 1e-3


class TrajectoryCommandError(JepaWmError):
    """A trajectory command cannot be followed."""


@dataclass(frozen=True, slots=True, eq=False)
class Waypoint:
    """Where the arm shall be, and when.

    Attributes:
        time_s: after the start of the trajectory [s].
        positions: (7,) [rad].
        velocities: (7,) [rad/s]; None leaves them open, the way there is then straight.
    """

    time_s: float
    positions: Vector
    velocities: Vector | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Knot:
    """A way-point on the clock of the simulation.

    Attributes:
        time_s: When to be there [s].
        positions: (7,) [rad].
        velocities: (7,) [rad/s]; None leaves them open.
    """

    time_s: float
    positions: Vector
    velocities: Vector | None


class TrajectoryFollower:
    """Interpolates joint targets; a new trajectory starts where the old one is at that moment."""

    def __init__(self, positions: ArrayLike, limits: JointLimits) -> None:
        """Start by holding positions (7,) [rad]."""
        self._limits = limits
        self._knots: list[Knot] = []
        self.hold(positions)

    @property
    def moving(self) -> bool:
        """Whether there are way-points left."""
        return len(self._knots) > 1

    def hold(self, positions: ArrayLike) -> None:
        """Forget the trajectory and hold positions (7,) [rad]."""
        self._knots = [Knot(-np.inf, np.array(positions, dtype=np.float64), np.zeros(7))]

    def follow(self, now_s: float, waypoints: Sequence[Waypoint]) -> None:
        """Replace the trajectory from now on.

        A way-point that is too far away for the joints' highest speed is reached later than asked.

        Raises:
            TrajectoryCommandError: no way-points, times that do not increase, numbers that are not
                finite, or not seven of them; the old trajectory goes on.
        """
        _check(waypoints)
        positions, velocities = self.sample(now_s)
        knots, delay_s = [Knot(now_s, positions, velocities)], 0.0
        for waypoint in waypoints:
            target = self._limits.clip(waypoint.positions)
            distance = np.abs(target - knots[-1].positions)
            shortest_s = max(_SHORTEST_S, float((distance / self._limits.velocity).max()))
            due_s = now_s + waypoint.time_s + delay_s
            late_s = max(0.0, knots[-1].time_s + shortest_s - due_s)
            delay_s += late_s
            # A speed that was meant for another time would swing past the target.
            speed = waypoint.velocities if late_s < _SHORTEST_S else None
            knots.append(Knot(due_s + late_s, target, speed))
        self._knots = knots

    def sample(self, now_s: float) -> tuple[Vector, Vector]:
        """Return positions (7,) [rad] and velocities (7,) [rad/s] for the servos at a moment."""
        while len(self._knots) > 1 and now_s >= self._knots[1].time_s:
            del self._knots[0]
        start = self._knots[0]
        if len(self._knots) == 1:
            return start.positions, np.zeros(7)
        return interpolate(start, self._knots[1], now_s)


def interpolate(start: Knot, end: Knot, now_s: float) -> tuple[Vector, Vector]:
    """Return positions and velocities on the cubic, or on the line where a speed is left open."""
    span = end.time_s - start.time_s
    part = (now_s - start.time_s) / span
    change = end.positions - start.positions
    if start.velocities is None or end.velocities is None:
        return start.positions + part * change, change / span
    first, last = start.velocities * span, end.velocities * span
    square = 3.0 * change - 2.0 * first - last
    cube = first + last - 2.0 * change
    positions = start.positions + part * (first + part * (square + part * cube))
    return positions, (first + part * (2.0 * square + 3.0 * part * cube)) / span


def _check(waypoints: Sequence[Waypoint]) -> None:
    """Raise TrajectoryCommandError for what cannot be followed."""
    if not waypoints:
        raise TrajectoryCommandError('a joint trajectory needs at least one point')
    times = [waypoint.time_s for waypoint in waypoints]
    if not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) <= 0).any():
        raise TrajectoryCommandError(f'time_from_start must increase from 0 on, not {times}')
    for waypoint in waypoints:
        for name in ('positions', 'velocities'):
            values = getattr(waypoint, name)
            if values is None:
                continue
            if np.shape(values) != (7,) or not np.isfinite(values).all():
                raise TrajectoryCommandError(
                    f'{name} of a trajectory point must be 7 finite numbers, not {list(values)}'
                )
