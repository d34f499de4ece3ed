"""Labels of success: from what a recording says to the frames of its episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

OUTCOMES = {'success': True, 'failure': False}
"""Folders that say how the episodes in them ended, as raw DROID has them."""


def at_the_end(success: bool | None, count: int) -> NDArray[np.float64] | None:
    """Return labels `(count,)` of an episode of which only its outcome is known."""
    if success is None or count == 0:
        return None
    labels = np.zeros(count)
    labels[-1] = float(success)
    return labels


def outcome(folders: Iterable[str]) -> bool | None:
    """Return what the folders of an episode say of its end; None when they say nothing."""
    said = [OUTCOMES[name] for name in folders if name in OUTCOMES]
    return said[-1] if said else None


def labels_at(
    labels: NDArray[np.float64] | None, pictures: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Return the labels of chosen pictures: the greatest since the one that was chosen before.

    So a success between two chosen pictures is not lost. The last one stands for the pictures
    that would have come before the next, too.

    Args:
        labels: `(N,)` of all pictures; None when nobody knows.
        pictures: `(T,)` numbers of the chosen ones, increasing.
    """
    if labels is None:
        return None
    stride = int(pictures[-1] - pictures[-2]) if len(pictures) > 1 else 1
    starts = np.concatenate([pictures[:1], pictures[:-1] + 1])
    seen = labels[: pictures[-1] + stride]
    return np.maximum.reduceat(seen, starts).astype(np.float32)
