"""The part of a picture that an objective looks at, as tokens of the patch grid."""

from __future__ import annotations

import torch
from torch import Tensor

from jepa_wm_ros.errors import JepaWmError


class RegionError(JepaWmError):
    """A region or mask does not fit the model's tokens."""


def grid_shape(tokens: int, aspect: float) -> tuple[int, int]:
    """Return rows and columns of a grid of square patches.

    Args:
        tokens: Patches of a frame.
        aspect: Width over height of the picture.

    Raises:
        RegionError: So many tokens make no grid of that shape.
    """
    rows = round((tokens / aspect) ** 0.5)
    if rows < 1 or tokens % rows or abs(tokens / rows / rows / aspect - 1) > 0.01:
        raise RegionError(
            f'{tokens} tokens are no grid of patches of a picture {aspect:g} times as wide as '
            'high, so that no region can be marked; use planning.mask, or leave region empty'
        )
    return rows, tokens // rows


def region_tokens(region: tuple[float, ...], tokens: int, aspect: float) -> Tensor:
    """Return the indices of the patches whose centres lie in a region.

    Args:
        region: Left, top, right and bottom, as fractions of width and height.
        tokens: Patches of a frame, row by row.
        aspect: Width over height of the picture.

    Raises:
        RegionError: The tokens are no grid, or no centre lies in the region.
    """
    rows, columns = grid_shape(tokens, aspect)
    left, top, right, bottom = region
    y, x = (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns
    inside = ((y >= top) & (y <= bottom))[:, None] & ((x >= left) & (x <= right))
    if not bool(inside.any()):
        raise RegionError(
            f'planning.region {list(region)} holds no centre of the {rows} x {columns} patches; '
            'make it larger'
        )
    return inside.flatten().nonzero()[:, 0]


def mask_tokens(mask: tuple[str, ...], tokens: int) -> Tensor:
    """Return the indices of the patches marked by 1 in rows of 0 and 1.

    Raises:
        RegionError: The mask has another size than the grid.
    """
    flat = ''.join(mask)
    if len(flat) != tokens:
        raise RegionError(
            f'planning.mask has {len(mask)} rows and {len(flat)} patches, the model {tokens}'
        )
    return torch.tensor([i for i, sign in enumerate(flat) if sign == '1'])
