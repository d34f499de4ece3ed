"""Whether the robot itself lets anybody move it: its mode, its errors, its user stop.

The numbers of the modes are those of libfranka's `RobotMode`, which `FrankaRobotState` carries.
A mode other than READY is never left by software of ours: somebody looks at the arm first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Readiness(Enum):
    """What a robot's mode means for motions."""

    READY = 'ready'
    NOT_READY = 'not ready'
    """It would not follow: brakes, guiding by hand, a recovery under way."""
    USER_STOP = 'user stop'
    """The enabling device or the user stop is pressed: an operator has to release it."""
    REFLEX = 'reflex'
    """The robot stopped by itself: a collision, or a limit that was broken."""
    ERROR = 'error'
    """It reports errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotMode:
    """What the robot says about itself.

    Attributes:
        readiness: What it means for motions.
        reason: For people: what was reported and what to do; empty when READY.
    """

    readiness: Readiness
    reason: str = ''

    @property
    def may_move(self) -> bool:
        """Whether motions are allowed."""
        return self.readiness is Readiness.READY


READY = RobotMode(readiness=Readiness.READY)

_OTHER, _IDLE, _MOVE, _GUIDING, _REFLEX, _USER_STOPPED, _RECOVERY = range(7)
_RECOVER = 'look at the arm, then recover it (action error_recovery, or Desk) and arm again'
_MEANINGS = {
    _OTHER: (Readiness.NOT_READY, 'is in mode OTHER: unlock the brakes and activate FCI in Desk'),
    _GUIDING: (Readiness.NOT_READY, 'is guided by hand: let go of it and arm again'),
    _REFLEX: (Readiness.REFLEX, f'stopped by a reflex (collision or broken limit): {_RECOVER}'),
    _USER_STOPPED: (
        Readiness.USER_STOP,
        'is stopped by the user stop or the enabling device: release it, then arm again',
    ),
    _RECOVERY: (Readiness.NOT_READY, 'recovers from an error: wait for it, then arm again'),
}


def franka_mode(mode: int, errors: Sequence[str] = (), *, collision: bool = False) -> RobotMode:
    """Say what a Franka's state means for motions.

    Args:
        mode: `robot_mode` of its state, 0 .. 6.
        errors: Names of its current errors.
        collision: Whether it senses a collision.
    """
    named = f' (errors: {", ".join(errors)})' if errors else ''
    if mode in _MEANINGS:
        readiness, text = _MEANINGS[mode]
        return RobotMode(readiness=readiness, reason=f'the robot {text}{named}')
    if mode not in (_IDLE, _MOVE):
        reason = f'the robot reports the unknown mode {mode}: is this a Franka?'
        return RobotMode(readiness=Readiness.ERROR, reason=reason)
    if errors:
        return RobotMode(
            readiness=Readiness.ERROR, reason=f'the robot has errors{named}: {_RECOVER}'
        )
    if collision:
        reason = f'the robot senses a collision: {_RECOVER}'
        return RobotMode(readiness=Readiness.REFLEX, reason=reason)
    return READY


def spoken_mode(ready: bool) -> RobotMode:
    """Return the mode of a robot, or a dead man's switch, that says no more than yes or no."""
    if ready:
        return READY
    reason = (
        "robot_ready says no: is the robot in the right mode, is the dead man's switch pressed?"
    )
    return RobotMode(readiness=Readiness.NOT_READY, reason=reason)
