"""The velocity at the newest of a series of set-points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class JointVelocity:
    """Estimates joint speeds at the end of each step from the mean speeds of the last two.

    The difference of two set-points is the speed in the middle between them; a controller that is
    told so would always be half a step late. Extrapolating the last two means is exact for
    constant acceleration, and contains whatever moved the joints, the elbow's own motion too.
    """

    def __init__(self, velocity: NDArray[np.float64] | float = 0.0) -> None:
        """Begin with `(n,)` speeds [rad/s] that are known, or at rest."""
        self._mean = velocity
        self._duration_s = 0.0

    def update(self, change: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
        """Take in a step.

        Args:
            change: `(n,)` change of position [rad].
            duration_s: Its duration [s].

        Returns:
            `(n,)` speeds [rad/s] at its end.
        """
        mean = change / duration_s
        part = duration_s / (duration_s + self._duration_s)
        velocity = mean + part * (mean - self._mean)
        self._mean, self._duration_s = mean, duration_s
        return velocity
