"""Keeping simulated time in step with real time, and events in step with simulated time."""

from __future__ import annotations

from jepa_wm_ros.errors import JepaWmError


class PacingError(JepaWmError):
    """A rate makes no sense."""


class Pacer:
    """Says how far simulated time must advance to be where real time is.

    Nothing is lost between two calls, so errors do not add up and a late call makes up for itself.
    Only the part of a delay beyond `patience_s` is given up, and counted in `lost_s`.
    """

    def __init__(self, rate_factor: float = 1.0, patience_s: float = 0.1) -> None:
        """Set how fast simulated time runs (1 is real time).

        Raises:
            PacingError: the factor or the patience is not above zero.
        """
        if not (rate_factor > 0.0 and patience_s > 0.0):
            raise PacingError(f'rate factor must be above 0, not {rate_factor}')
        self._factor = rate_factor
        self._patience_s = patience_s
        self._last_s: float | None = None
        self.lost_s = 0.0

    def advance(self, now_s: float) -> float:
        """Return how much simulated time [s] is due at a moment of a steady clock [s]."""
        previous, self._last_s = self._last_s, now_s
        if previous is None:
            return 0.0
        elapsed_s = now_s - previous
        given_s = min(elapsed_s, self._patience_s)
        self.lost_s += elapsed_s - given_s
        return given_s * self._factor


class Schedule:
    """Says when a regular event is due, without drift."""

    def __init__(self, rate_hz: float) -> None:
        """Set the rate; the first event is due at once.

        Raises:
            PacingError: the rate is not above zero.
        """
        if not rate_hz > 0.0:
            raise PacingError(f'a rate must be above 0 Hz, not {rate_hz}')
        self._period_s = 1.0 / rate_hz
        self._next_s: float | None = None

    def due(self, now_s: float) -> bool:
        """Whether the event is due at a moment [s]; missed events are left out."""
        if self._next_s is None or now_s < self._next_s - 2 * self._period_s:
            self._next_s = now_s
        if now_s < self._next_s - 1e-9:
            return False
        behind = int((now_s - self._next_s) / self._period_s + 1e-9)
        self._next_s += (behind + 1) * self._period_s
        return True
