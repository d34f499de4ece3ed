"""The error of limits, and what all of them check."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError


class LimitError(JepaWmError):
    """A limit is not a number, has the wrong shape or is upside down."""


def limit_vector(name: str, value: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Return a read-only float64 vector without NaN.

    Raises:
        LimitError: It is no vector, has another size or contains NaN.
    """
    vector = np.array(value, dtype=np.float64)
    if vector.ndim != 1 or (size is not None and vector.size != size):
        wanted = 'a vector' if size is None else f'{size} numbers'
        raise LimitError(f'{name} must be {wanted}, got shape {vector.shape}')
    if np.isnan(vector).any():
        raise LimitError(f'{name} must not contain NaN, got {vector.tolist()}')
    vector.flags.writeable = False
    return vector
