"""When a message of a recording is due: rate, pauses and single steps, the clock passed in."""

from __future__ import annotations

import math

from jepa_wm_ros.errors import JepaWmError


class TimelineError(JepaWmError):
    """A recording cannot be played as it was asked for."""


class Timeline:
    """Maps a steady clock to the time of a recording.

    Args:
        start_s: Where it begins [s], on the clock of the recording.
        rate: Seconds of the recording in a second.

    Raises:
        TimelineError: The rate is not above 0.
    """

    def __init__(self, start_s: float, rate: float = 1.0) -> None:
        if not (math.isfinite(rate) and rate > 0):
            raise TimelineError(f'the rate must be above 0, got {rate}')
        self._rate = rate
        self._bag_s, self._steady_s = start_s, 0.0
        self.paused = True

    def now(self, steady_s: float) -> float:
        """Return the time of the recording [s]."""
        return self._bag_s + (0.0 if self.paused else self._rate * (steady_s - self._steady_s))

    def pause(self, steady_s: float) -> None:
        """Stand still."""
        self._bag_s, self.paused = self.now(steady_s), True

    def resume(self, steady_s: float) -> None:
        """Go on from where it stands."""
        self._bag_s, self._steady_s, self.paused = self.now(steady_s), steady_s, False

    def jump(self, bag_s: float, steady_s: float) -> None:
        """Go on, or stand still, somewhere else."""
        self._bag_s, self._steady_s = bag_s, steady_s

    def wait_s(self, bag_s: float, steady_s: float) -> float:
        """Return how long it takes until a moment of the recording [s]: 0 when it is due."""
        left = bag_s - self.now(steady_s)
        if left <= 0:
            return 0.0
        return math.inf if self.paused else left / self._rate
