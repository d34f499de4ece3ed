"""Decides which changes of the gripper are worth a command."""

from __future__ import annotations

import math


class GripperGate:
    """Hysteresis and patience: a gripper that chatters drops what it holds.

    Small changes are not sent, and after a change the gripper goes on in that direction, or
    stays, for a while before it may turn back.
    """

    def __init__(self) -> None:
        """Know nothing of the gripper."""
        self._sent: float | None = None
        self._changed_s = -math.inf
        self._direction = 0.0

    def forget(self) -> None:
        """Send the next target whatever it is: the gripper may have been moved meanwhile."""
        self._sent = None

    def decide(
        self, target: float | None, now_s: float, *, step: float, hold_s: float
    ) -> float | None:
        """Return the closedness to send; None leaves the gripper as it is.

        Args:
            target: Wanted closedness 0..1; None when the gripper is not known.
            now_s: Time on a steady clock [s].
            step: Smallest change that is sent (closedness).
            hold_s: Least time between a change and one back [s].
        """
        if target is None:
            return None
        change = 0.0 if self._sent is None else target - self._sent
        if self._sent is not None and abs(change) < step:
            return None
        if change * self._direction < 0.0 and now_s - self._changed_s < hold_s:
            return None
        self._sent = target
        if change != 0.0:
            self._direction, self._changed_s = math.copysign(1.0, change), now_s
        return target
