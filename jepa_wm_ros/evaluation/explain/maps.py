"""Maps of the latent space: principal components of frames, and of the patches of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 1500
"""More frames than these do not change a map."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentMap:
    """Where frames lie in the plane in which their latents differ most.

    Attributes:
        points: `(n, 2)` first two principal components.
        shares: Part of the variance along each of the first components.
        position: `(n, 3)` true flange positions [m].
        episode: `(n,)` numbers.
    """

    points: NDArray[np.float64]
    shares: tuple[float, ...]
    position: NDArray[np.float64]
    episode: NDArray[np.int64]


def principal(
    rows: NDArray[Any], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return principal components of rows `(n, F)`.

    Wide rows are handled by their Gram matrix `(n, n)`, which has the same spectrum.

    Args:
        rows: The samples.
        count: Components.

    Returns:
        Coordinates `(n, k)`, directions `(F, k)` of length 1 and the part of the variance along
        each `(k,)`; k is the least of count, n and F.
    """
    centred = np.asarray(rows, np.float64) - rows.mean(0)
    count = min(count, *centred.shape)
    if centred.shape[1] <= len(centred):
        values, vectors = np.linalg.eigh(centred.T @ centred)
        directions = vectors[:, ::-1][:, :count]
    else:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        directions = centred.T @ vectors[:, ::-1][:, :count]
        directions /= np.maximum(np.linalg.norm(directions, axis=0), 1e-300)
    spectrum = np.maximum(values[::-1], 0.0)
    return centred @ directions, directions, spectrum[:count] / max(spectrum.sum(), 1e-300)


def latent_map(
    tokens: NDArray[np.float32], position: NDArray[Any], episode: NDArray[np.int64]
) -> LatentMap:
    """Return the map of frames.

    Args:
        tokens: `(n, N, D)`.
        position: `(n, 3)` [m].
        episode: `(n,)` numbers.
    """
    kept = slice(MOST_ROWS)
    points, _, shares = principal(tokens[kept].reshape(len(tokens[kept]), -1), 6)
    return LatentMap(
        points=points[:, :2],
        shares=tuple(float(share) for share in shares),
        position=np.asarray(position, np.float64)[kept],
        episode=episode[kept],
    )


def patch_colours(tokens: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float64]:
    """Return each patch as a colour: its first three principal components over all pictures.

    Patches of the same colour mean the same to the model.

    Args:
        tokens: `(n, N, D)`.
        grid: Rows and columns of the patches.

    Returns:
        `(n, rows, columns, 3)` within 0..1.
    """
    points, _, _ = principal(tokens.reshape(-1, tokens.shape[-1]), 3)
    low, high = np.percentile(points, (2, 98), axis=0)
    colours = np.clip((points - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    full = np.zeros((len(points), 3))
    full[:, : colours.shape[1]] = colours
    return full.reshape(len(tokens), *grid, 3)
