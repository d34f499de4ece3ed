"""How regularly an input comes, and since when it is silent."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

# Arrivals that the period is taken from, and how many have to be there.
_WINDOW = 21
_LEAST = 4


class Rhythm:
    """The period of an input as it arrives here, and how long it has been silent.

    The period is the mean over the last arrivals without the longest gap among them: one
    interruption does not make us patient, and messages that come in bursts do not make us nervous.

    Silence is counted while somebody listens: when our own process slept, messages wait for us.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._arrivals: deque[float] = deque(maxlen=_WINDOW)
        self._period_s = math.inf
        self._silence_s = math.inf

    def seen(self, now_s: float) -> None:
        """Note an arrival, on a clock that never goes back [s]."""
        self._silence_s = 0.0
        self._arrivals.append(now_s)
        times = list(self._arrivals)
        if len(times) >= _LEAST:
            longest = max(late - early for early, late in pairwise(times))
            self._period_s = (times[-1] - times[0] - longest) / (len(times) - 2)

    def begin(self, now_s: float) -> None:
        """Begin to listen: silence is the time since the last arrival."""
        self._silence_s = now_s - self._arrivals[-1] if self._arrivals else math.inf

    def wait(self, elapsed_s: float) -> None:
        """Note that nothing came while somebody listened for some time [s]."""
        self._silence_s += elapsed_s

    @property
    def period_s(self) -> float:
        """Time between two arrivals [s]; infinite while it is not known."""
        return self._period_s

    @property
    def silence_s(self) -> float:
        """Time without an arrival [s]; infinite before the first."""
        return self._silence_s
