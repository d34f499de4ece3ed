"""Procedural textures: grey patterns that a surface's colour tints. No picture files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Width and height of every texture [pixels]; textures repeat without a seam."""

Pattern = NDArray[np.floating[Any]]


def smooth_noise(rng: np.random.Generator, cells: tuple[int, int]) -> Pattern:
    """Return seamless value noise (SIZE, SIZE) in 0..1 with `cells` (rows, columns) bumps."""
    result = rng.random(cells)
    for axis, count in enumerate(cells):
        position = np.arange(SIZE) * count / SIZE
        left = np.floor(position).astype(int)
        fraction = position - left
        weight = fraction**2 * (3 - 2 * fraction)
        first, second = (np.take(result, (left + k) % count, axis=axis) for k in (0, 1))
        shape = (-1, 1) if axis == 0 else (1, -1)
        result = first + weight.reshape(shape) * (second - first)
    return result


def _plain(rng: np.random.Generator) -> Pattern:
    return 0.96 + 0.04 * smooth_noise(rng, (64, 64))


def _wood(rng: np.random.Generator) -> Pattern:
    bend = smooth_noise(rng, (3, 8)) + 0.25 * smooth_noise(rng, (6, 32))
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (5 * bend + np.arange(SIZE)[None, :] * 4 / SIZE))
    return 0.80 + 0.13 * rings + 0.07 * smooth_noise(rng, (8, 128))


def _planks(rng: np.random.Generator) -> Pattern:
    shade = rng.random(4)[np.arange(SIZE) * 4 // SIZE][None, :]
    gap = (np.arange(SIZE) % (SIZE // 4) < 3)[None, :]
    return (0.78 + 0.15 * shade + 0.07 * smooth_noise(rng, (4, 96))) * np.where(gap, 0.72, 1.0)


def _speckle(rng: np.random.Generator) -> Pattern:
    return 0.82 + 0.18 * (smooth_noise(rng, (128, 128)) > 0.35)


def _blotches(rng: np.random.Generator) -> Pattern:
    return 0.78 + 0.14 * smooth_noise(rng, (5, 5)) + 0.08 * smooth_noise(rng, (16, 16))


def _brushed(rng: np.random.Generator) -> Pattern:
    return 0.85 + 0.15 * smooth_noise(rng, (2, 128))


def _checker(rng: np.random.Generator) -> Pattern:
    tile = np.arange(SIZE) * 4 // SIZE
    return 0.7 + 0.3 * ((tile[:, None] + tile[None, :]) % 2)


def _stripes(rng: np.random.Generator) -> Pattern:
    return np.broadcast_to(0.72 + 0.28 * (np.arange(SIZE) * 10 // SIZE % 2)[:, None], (SIZE, SIZE))


def _tiles(rng: np.random.Generator) -> Pattern:
    place = np.arange(SIZE) % (SIZE // 3)
    joint = (place[:, None] < 4) | (place[None, :] < 4)
    return np.where(joint, 0.62, 0.9 + 0.1 * smooth_noise(rng, (3, 3)))


def _marble(rng: np.random.Generator) -> Pattern:
    veins = np.abs(smooth_noise(rng, (4, 4)) + 0.5 * smooth_noise(rng, (12, 12)) - 0.75)
    return 0.68 + 0.32 * np.minimum(veins * 6, 1.0)


_PATTERNS: dict[str, Callable[[np.random.Generator], Pattern]] = {
    'plain': _plain,
    'wood': _wood,
    'planks': _planks,
    'speckle': _speckle,
    'blotches': _blotches,
    'brushed': _brushed,
    'checker': _checker,
    'stripes': _stripes,
    'tiles': _tiles,
    'marble': _marble,
}

SEEN = ('plain', 'wood', 'planks', 'speckle', 'blotches', 'brushed')
"""Patterns that training pictures show."""
UNSEEN = ('checker', 'stripes', 'tiles', 'marble')
"""Patterns that no training picture shows."""
NAMES = SEEN + UNSEEN


def texture(name: str) -> NDArray[np.uint8]:
    """Return the pattern `name` (one of NAMES) as a grey picture (SIZE, SIZE, 3)."""
    rng = np.random.default_rng(NAMES.index(name))
    grey = np.clip(np.rint(255 * _PATTERNS[name](rng)), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
