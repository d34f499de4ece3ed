"""What a node says about its health: rates, latencies, and how they become `/diagnostics`."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(Enum):
    """How well a component does; the values are the levels of REP-107."""

    OK = b'\x00'
    WARN = b'\x01'
    ERROR = b'\x02'
    STALE = b'\x03'


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """The state of one component of a node.

    Attributes:
        name: Component, e.g. 'camera'; the node's name is put before it.
        level: How well it does.
        message: One line for people.
        values: Numbers and words, keyed by name with unit (`rate_hz`).
    """

    name: str
    level: Level = Level.OK
    message: str = 'ok'
    values: Mapping[str, object] = field(default_factory=dict)

    def status(self, node: str) -> DiagnosticStatus:
        """The message for this component of `node` (its fully qualified name)."""
        return DiagnosticStatus(
            level=self.level.value,
            name=f'{node.lstrip("/")}: {self.name}',
            message=self.message,
            hardware_id='jepa_wm_ros',
            values=[KeyValue(key=key, value=_text(value)) for key, value in self.values.items()],
        )


class RateMonitor:
    """Rate and age of something that should happen regularly.

    Args:
        window: Over how many events the rate is averaged.
    """

    def __init__(self, window: int = 30) -> None:
        self._times: deque[float] = deque(maxlen=window)
        self.count = 0

    def tick(self, now_s: float) -> None:
        """Note that it happened at `now_s` [s]; a clock that jumped back starts afresh."""
        if self._times and now_s < self._times[-1]:
            self._times.clear()
        self._times.append(now_s)
        self.count += 1

    @property
    def rate_hz(self) -> float:
        """Events per second over the window; 0 before the second event."""
        if len(self._times) < 2:
            return 0.0
        span = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / span if span > 0 else 0.0

    @property
    def longest_s(self) -> float:
        """Longest time between two events of the window [s]; 0 before the second."""
        return max((late - early for early, late in pairwise(self._times)), default=0.0)

    def age_s(self, now_s: float) -> float:
        """Time since the last event [s]; infinite before the first."""
        return now_s - self._times[-1] if self._times else math.inf


class LatencyMonitor:
    """Percentiles of the last durations.

    Args:
        window: How many durations count.
    """

    def __init__(self, window: int = 200) -> None:
        self._durations: deque[float] = deque(maxlen=window)

    def add(self, duration_s: float) -> None:
        """Note one duration [s]."""
        self._durations.append(duration_s)

    def percentile_s(self, percent: float) -> float:
        """The duration [s] that `percent` of them do not exceed; NaN without any."""
        if not self._durations:
            return math.nan
        ordered = sorted(self._durations)
        return ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))]

    def values(self, name: str) -> dict[str, object]:
        """Median and 95th percentile as diagnostic values `<name>_p50_ms`, `<name>_p95_ms`."""
        return {f'{name}_p{p}_ms': 1000 * self.percentile_s(p) for p in (50, 95)}


def _text(value: object) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)
