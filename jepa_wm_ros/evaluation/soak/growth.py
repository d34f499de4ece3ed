"""How fast something grows: a straight line through measurements, not misled by outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
LEAST = 6
"""Fewer points than this say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A slope with an interval.

    Attributes:
        slope: Per unit of time.
        low: Lower end of the interval.
        high: Upper end.
        level: Value at the beginning.
        points: How many there were.
    """

    slope: float
    low: float
    high: float
    level: float
    points: int

    @property
    def percent(self) -> tuple[float, float, float]:
        """Slope, lower and upper end in percent of the level, per unit of time."""
        scale = 100.0 / self.level
        return self.slope * scale, self.low * scale, self.high * scale


def grow(series: Sequence[tuple[Vector, Vector]], confidence: float = 0.95) -> Growth | None:
    r"""Fit one slope to several series, each with a level of its own.

    The slope is the median of the slopes \((y_j - y_i)/(t_j - t_i)\) of all pairs within a series
    (Theil and Sen). The interval is the one of Sen, from the variance
    \(\sum n(n-1)(2n+5)/18\) of Kendall's statistic, widened by \((1+r)/(1-r)\) where neighbouring
    residuals are correlated by \(r > 0\): memory changes in steps, and points on one step count
    as few.

    Args:
        series: Times and values `(n,)` of each; such as the lives of a process.
        confidence: Of the interval, within 0..1.

    Returns:
        The growth; None when there are too few points.
    """
    series = [(t, y) for t, y in series if len(t) >= LEAST]
    if not series:
        return None
    slopes = np.sort(np.concatenate([_slopes(t, y) for t, y in series]))
    slope = float(np.median(slopes))
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in (len(t) for t, _ in series))
    correlation = float(np.mean([_correlation(y - slope * t) for t, y in series]))
    variance *= (1.0 + correlation) / (1.0 - correlation)
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance)
    count = len(slopes)
    first = max(0, math.floor((count - reach) / 2))
    last = min(count - 1, math.ceil((count + reach) / 2))
    return Growth(
        slope=slope,
        low=float(slopes[first]),
        high=float(slopes[last]),
        level=float(np.median([np.median(y[:LEAST]) for _, y in series])),
        points=sum(len(t) for t, _ in series),
    )


def by_minute(times_s: Vector, values: Vector) -> tuple[Vector, Vector]:
    """Return the median of each minute: times [h] and values."""
    minutes = np.floor(times_s / 60.0)
    kept = np.unique(minutes)
    medians = np.array([np.median(values[minutes == minute]) for minute in kept])
    return (kept + 0.5) / 60.0, medians


def change(series: Sequence[tuple[Vector, Vector]]) -> float | None:
    """Return by how much something that should be constant is more in the end, 0 if it is not.

    It is more when it stays, in the last quarter of a series, above all that it was in the first.

    Args:
        series: Times and values `(n,)` of each.

    Returns:
        The largest change of a series; None when there are too few points.
    """
    series = [(t, y) for t, y in series if len(t) >= LEAST]
    if not series:
        return None
    changes = []
    for _, values in series:
        quarter = max(2, len(values) // 4)
        first, last = values[:quarter], values[-quarter:]
        changes.append(max(0.0, float(np.median(last) - np.max(first))))
    return max(changes)


def _slopes(times: Vector, values: Vector) -> Vector:
    i, j = np.triu_indices(len(times), 1)
    return np.asarray((values[j] - values[i]) / (times[j] - times[i]))


def _correlation(residuals: Vector) -> float:
    """Correlation of neighbours, 0 to 0.9."""
    centred = residuals - residuals.mean()
    power = float(centred @ centred)
    if power <= 0.0:
        return 0.0
    return min(max(float(centred[1:] @ centred[:-1]) / power, 0.0), 0.9)
