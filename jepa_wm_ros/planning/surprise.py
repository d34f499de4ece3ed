"""Surprise: how far an observation lies from what the model had expected of the action."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.latent import Latent

NORMAL = 1.4826
"""Standard deviation of normal numbers over their median absolute deviation."""
LEAST_SPREAD = 0.1
"""The usual deviation counts as at least this part of the median."""
WARM_UP = 8
"""Steps without a flag, until there is a scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """What one executed step showed.

    Attributes:
        distance: Mean squared difference of the observed latent and the expected one.
        usual: Median of such distances in the last steps.
        score: How many usual deviations the distance lies above that; 0 until there is a scale.
        flagged: Whether the score exceeds the threshold: something happened that the model does
            not know of.
    """

    distance: float
    usual: float
    score: float
    flagged: bool


class SurpriseMonitor:
    """Compares each prediction error with those of the last steps, by median and deviation.

    Both are robust: a few surprises do not change what is usual, and a lasting change becomes so.
    """

    def __init__(self, window: int = 50, threshold: float = 6.0) -> None:
        """Look back `window` steps; flag scores above `threshold`."""
        self._distances: deque[float] = deque(maxlen=window)
        self._threshold = threshold

    def update(self, distance: float) -> Surprise:
        """Judge one prediction error, which then counts for the next ones; NaN is a surprise."""
        past = np.array(self._distances) if self._distances else np.array([distance])
        usual = float(np.median(past))
        deviation = NORMAL * float(np.median(np.abs(past - usual)))
        spread = max(deviation, LEAST_SPREAD * usual, np.finfo(float).tiny)
        score = (distance - usual) / spread if len(self._distances) >= WARM_UP else 0.0
        if np.isfinite(distance):
            self._distances.append(distance)
        return Surprise(
            distance=distance,
            usual=usual,
            score=score,
            flagged=not np.isfinite(distance) or score > self._threshold,
        )

    def reset(self) -> None:
        """Forget what is usual."""
        self._distances.clear()


def prediction_error(observed: Latent, expected: Latent) -> float:
    """Return the mean squared difference of the tokens of two latents `(..., N, D)`."""
    return float((observed.tokens - expected.tokens).float().square().mean())
