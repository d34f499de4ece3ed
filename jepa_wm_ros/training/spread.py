"""How much of their space embeddings use, and how much of the arm's position is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGE = 1e-3
MOST_ROWS = 8192


def effective_rank(tokens: NDArray[np.float64]) -> float:
    """Return exp(entropy) of the normalised spectrum of tokens `(n, N, D)`, 1 to D.

    Each of the N places has its mean over the pictures taken off first, so that places which
    differ from each other but never change count for nothing.
    """
    rows = (tokens - tokens.mean(0)).reshape(-1, tokens.shape[-1])
    rows = rows[:: 1 + (len(rows) - 1) // MOST_ROWS]
    spectrum = np.linalg.svd(rows, compute_uv=False)
    weight = spectrum / max(float(spectrum.sum()), 1e-300)
    return float(np.exp(-(weight * np.log(np.maximum(weight, 1e-12))).sum()))


def probe_rmse(
    embedding: NDArray[np.float64], position: NDArray[np.float64], episode: NDArray[np.int64]
) -> float:
    """Return the error of a ridge regression from embeddings to positions [m].

    Every other episode is for the fit, the rest for the error.

    Args:
        embedding: `(n, F)`.
        position: `(n, 3)` [m].
        episode: `(n,)` numbers.
    """
    fit = _for_the_fit(episode)
    if fit.all():
        return float('nan')
    inputs = np.hstack([embedding, np.ones((len(embedding), 1))])
    ridge = RIDGE * fit.sum()
    seen = inputs[fit]
    if seen.shape[1] <= len(seen):
        gram = seen.T @ seen + ridge * np.eye(seen.shape[1])
        weights = np.linalg.solve(gram, seen.T @ position[fit])
    else:  # the same weights from the smaller of the two products
        weights = seen.T @ np.linalg.solve(
            seen @ seen.T + ridge * np.eye(len(seen)), position[fit]
        )
    error = inputs[~fit] @ weights - position[~fit]
    return float(np.sqrt((error**2).sum(1).mean()))


def guess_rmse(position: NDArray[np.float64], episode: NDArray[np.int64]) -> float:
    """Return the error of guessing the mean position, on the same episodes as `probe_rmse` [m].

    Args:
        position: `(n, 3)` [m].
        episode: `(n,)` numbers.
    """
    fit = _for_the_fit(episode)
    if fit.all():
        return float('nan')
    error = position[~fit] - position[fit].mean(0)
    return float(np.sqrt((error**2).sum(1).mean()))


def _for_the_fit(episode: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which frames are for the fit: those of every other episode."""
    return np.isin(episode, np.unique(episode)[::2])
