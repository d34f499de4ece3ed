"""What a fault looked like on the command topic: did the arm brake, how soon, what jumped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_REST_RAD_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """One set-point as it was on the wire.

    Attributes:
        sent_s: When it was sent [s].
        positions: `(7,)` [rad].
        velocities: `(7,)` [rad/s].
    """

    sent_s: float
    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]

    @property
    def speed(self) -> float:
        """The speed of the fastest joint [rad/s]."""
        return float(np.abs(self.velocities).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFigures:
    """What was seen.

    Attributes:
        commands: How many there were after the fault.
        detection_s: From the fault to the first command that brakes [s]; None: nothing moved.
        stop_s: From there to the first command that asks for a standstill [s]; None: nothing
            moved, or it was never asked for.
        largest_step_rad: Longest way of a joint between two commands [rad].
        holds: Whether the last command asks for a standstill.
        interval_s: Longest time between two commands of the motion [s]; None: nothing moved.
    """

    commands: int
    detection_s: float | None
    stop_s: float | None
    largest_step_rad: float
    holds: bool
    interval_s: float | None


def stop_figures(commands: Sequence[Command], fault_s: float) -> StopFigures:
    """Return what a fault at a moment [s, clock of the commands] did to them."""
    after = [command for command in commands if command.sent_s >= fault_s]
    positions = np.array([command.positions for command in commands])
    steps = np.abs(np.diff(positions, axis=0)) if len(commands) > 1 else np.zeros((1, 1))
    rest = next((i for i, command in enumerate(after) if command.speed <= _REST_RAD_S), None)
    began = None if rest is None else _began_to_brake(after, rest)
    moving = [command.sent_s for command in commands if command.speed > _REST_RAD_S]
    return StopFigures(
        commands=len(after),
        detection_s=None if began is None else after[began].sent_s - fault_s,
        stop_s=None if began is None or rest is None else after[rest].sent_s - after[began].sent_s,
        largest_step_rad=float(steps.max()),
        holds=not commands or commands[-1].speed <= _REST_RAD_S,
        interval_s=float(np.diff(moving).max()) if len(moving) > 1 else None,
    )


def _began_to_brake(commands: Sequence[Command], rest: int) -> int:
    """Return the first command of the slowing down that ends in the one that rests."""
    index = max(0, rest - 1)
    while index > 0 and commands[index - 1].speed > commands[index].speed:
        index -= 1
    return index
