"""How sure measured rates and means are."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


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


def bootstrap_interval(
    values: NDArray[np.float64],
    blocks: NDArray[np.int64],
    *,
    seed: int = 0,
    confidence: float = 0.95,
    draws: int = 1000,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean.

    Values of one block (overlapping windows, one episode) depend on each other and are drawn
    together; treating them as independent would make the interval too narrow.

    Args:
        values: `(E,)`.
        blocks: `(E,)` the block of each value.
        seed: Of the draws; the same seed gives the same interval.
        confidence: Probability that such an interval covers the true mean, within 0..1.
        draws: How many samples of blocks.

    Returns:
        Lower and upper end.

    Raises:
        StatisticsError: No values, or not one block for each.
    """
    values, blocks = np.asarray(values, float), np.asarray(blocks)
    if not len(values) or values.shape != blocks.shape:
        raise StatisticsError(
            f'a bootstrap needs values and one block for each, got {len(values)}'
        )
    _, number = np.unique(blocks, return_inverse=True)
    count = int(number.max()) + 1
    sums = np.bincount(number, values, count)
    sizes = np.bincount(number, minlength=count)
    drawn = np.random.default_rng(seed).integers(count, size=(draws, count))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(low), float(high)
