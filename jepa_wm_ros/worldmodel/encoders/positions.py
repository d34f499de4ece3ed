"""Learned positions, and how each kind of encoder brings them to another grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.encoders.rotary import Grid
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

OFFSET = 0.1
"""Added by DINOv2 to the wanted rows and columns before it divides, against rounding."""


class LearnedPositions(nn.Module):
    """A table with one row for the class token, if there is one, and one for each patch.

    On the grid that it was made for the table is used as it is; for others it is interpolated
    exactly as the publishers of the weights do, because a different kernel gives other latents.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        """Make a random table for the grid of the settings."""
        super().__init__()
        time, rows, columns = self.native = settings.grid
        self.leading = int(settings.class_token)
        self.interpolation = settings.interpolation
        self.table = nn.Parameter(
            torch.empty(1, self.leading + time * rows * columns, settings.dim)
        )
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """Return `(1, leading + time * rows * columns, D)` for a grid."""
        if grid == self.native:
            return self.table
        patches = self.table[:, self.leading :].unflatten(1, self.native).movedim(-1, 1)
        moved = self._interpolated(patches.float(), grid).to(self.table.dtype)
        moved = moved.flatten(2).movedim(1, -1)
        return torch.cat([self.table[:, : self.leading], moved], 1) if self.leading else moved

    def _interpolated(self, patches: Tensor, grid: Grid) -> Tensor:
        """Bring `(1, D, time, rows, columns)` to a grid."""
        if self.interpolation == 'trilinear':
            factors = [n / m for n, m in zip(grid, self.native, strict=True)]
            return interpolate(patches, scale_factor=factors, mode='trilinear')
        plane = patches[:, :, 0]
        if self.interpolation == 'offset':
            factors = [(n + OFFSET) / m for n, m in zip(grid[1:], self.native[1:], strict=True)]
            moved = interpolate(plane, scale_factor=factors, mode='bicubic')
        else:
            antialias = self.interpolation == 'antialias'
            moved = interpolate(plane, size=grid[1:], mode='bicubic', antialias=antialias)
        return moved[:, :, None]
