"""Positions as rotations of queries and keys, in the two forms that published encoders use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.predictors.rope import Rotary

Grid = tuple[int, int, int]
"""Frames (in tubelets), rows and columns of tokens."""
Rotation = Callable[[Tensor], Tensor]
"""Turns queries or keys `(B, heads, M, head_dim)` by the positions of the N tokens of a grid.

These are the last ones; tokens before them have no position and stay as they are.
"""

AXIAL_BASE = 100.0
"""Base of the periods of DINOv3."""


def axial_periods(head_dim: int) -> Tensor:
    """Return the `(head_dim / 4,)` periods with which DINOv3 starts its training."""
    return AXIAL_BASE ** (torch.arange(head_dim // 4) * (2.0 / (head_dim // 2)))


@dataclass(frozen=True, slots=True)
class AxialRotation:
    """y = x cos + (-x2, x1) sin for the halves (x1, x2) of each token.

    Attributes:
        cos: `(N, head_dim)`.
        sin: `(N, head_dim)`.
    """

    cos: Tensor
    sin: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Turn `(..., M, head_dim)`; see `Rotation`."""
        before, patches = x.tensor_split([-self.cos.shape[0]], -2)
        first, second = patches.chunk(2, -1)
        turned = patches * self.cos + torch.cat([-second, first], -1) * self.sin
        return torch.cat([before, turned.to(x.dtype)], -2)


class AxialRotary(nn.Module):
    """DINOv3's rotation by row and column.

    Centres of patches have coordinates in [-1, 1] on both axes; angles are 2 pi coordinate /
    period, rows first, and the two halves of a head have the same angles. The periods are part of
    the weights, because published ones may have been rounded.
    """

    periods: Tensor

    def __init__(self, head_dim: int) -> None:
        """Make the periods for heads of `head_dim` numbers, a multiple of 4."""
        super().__init__()
        self.register_buffer('periods', axial_periods(head_dim))

    def forward(self, grid: Grid, device: torch.device) -> Rotation:
        """Return the rotation of a picture's tokens, row by row."""
        periods = self.periods.float()
        centres = [2 * ((torch.arange(n, device=device) + 0.5) / n) - 1 for n in grid[1:]]
        points = torch.stack(torch.meshgrid(*centres, indexing='ij'), -1).flatten(0, 1)
        angles = (2 * math.pi * points[:, :, None] / periods).flatten(1).tile(2)
        return AxialRotation(angles.cos(), angles.sin())


class TiledRotary(nn.Module):
    """V-JEPA 2's rotation by time, row and column; see `predictors.rope`."""

    def __init__(self, head_dim: int) -> None:
        """Prepare for heads of `head_dim` numbers."""
        super().__init__()
        self.head_dim = head_dim

    def forward(self, grid: Grid, device: torch.device) -> Rotation:
        """Return the rotation of the tokens of a clip: time, then rows, then columns."""
        tables = Rotary(self.head_dim, grid[0], grid[1:]).to(device)

        def turn(x: Tensor) -> Tensor:
            before, patches = x.tensor_split([-tables.cos.shape[0]], -2)
            turned = tables(patches, 0).to(x.dtype)
            return torch.cat([before, turned], -2) if before.shape[-2] else turned

        return turn
