"""How sure a measured success rate is."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence


class StatisticsError(JepaWmError):
    """A statistic was asked of numbers that have none."""


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    r"""Return the Wilson score interval of a success rate.

    With rate \(p = k/n\) and normal quantile \(z\) it is
    \((p + z^2/2n \pm z \sqrt{p(1-p)/n + z^2/4n^2}) / (1 + z^2/n)\); unlike the textbook interval
    it stays within 0..1 and says something sensible at 0 of n and n of n.

    Args:
        successes: How many trials succeeded.
        trials: How many there were; 0 gives (0, 1): nothing is known.
        confidence: Probability that such an interval covers the true rate, within 0..1.

    Returns:
        Lower and upper end, within 0..1.

    Raises:
        StatisticsError: More successes than trials, a negative count or an impossible confidence.
    """
    if not 0 <= successes <= trials:
        raise StatisticsError(f'successes must be within 0..trials, got {successes} of {trials}')
    if not 0.0 < confidence < 1.0:
        raise StatisticsError(f'confidence must be between 0 and 1, got {confidence}')
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / trials
    centre = rate + z * z / (2 * trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # Exact at both ends, where rounding would leave a rate outside of its own interval.
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == trials else (centre + half) / scale
    return low, high


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile (linear between neighbours) of numbers, None where there are none."""
    return float(np.percentile(values, percent)) if len(values) else None
