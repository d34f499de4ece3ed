"""A number that goes to its target no faster than it may."""

from __future__ import annotations


class Slew:
    """Follows a target at a limited rate, so that what it scales never jumps.

    Attributes:
        value: Where it is now.
    """

    def __init__(self, value: float, rate: float) -> None:
        """Begin.

        Args:
            value: Where to begin.
            rate: Most change per second [1/s].
        """
        self.value = value
        self._rate = rate

    def update(self, target: float, duration_s: float) -> float:
        """Go towards a target for a while [s]; return where that leads."""
        most = self._rate * duration_s
        self.value += min(max(target - self.value, -most), most)
        return self.value
