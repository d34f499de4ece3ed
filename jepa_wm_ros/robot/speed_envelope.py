"""Joint speeds that depend on where the joint is, as the Franka Research 3 limits them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.limit_error import limit_vector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeedEnvelope:
    """How the highest speed of each joint shrinks towards its ends.

    A joint that is `d` away from its end may move there no faster than
    `max(0, -offset + sqrt(2 deceleration d))`: it could still brake before the end (Franka
    Control Interface documentation, limits of the Franka Research 3).

    Attributes:
        deceleration: `(n,)` [rad/s^2].
        offset: `(n,)` [rad/s].
    """

    deceleration: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the vectors.

        Raises:
            LimitError: One is no vector, or contains NaN.
        """
        for entry in fields(self):
            vector = limit_vector(entry.name, getattr(self, entry.name))
            object.__setattr__(self, entry.name, vector)

    def speed(self, distance: ArrayLike) -> NDArray[np.float64]:
        """Return the highest speeds `(…, n)` [rad/s] at distances `(…, n)` [rad] from the end."""
        left = np.maximum(0.0, np.asarray(distance, dtype=np.float64))
        allowed = np.sqrt(2.0 * self.deceleration * left) - self.offset
        return np.maximum(0.0, allowed)
