"""Slots from masks: each object becomes the mean feature under its mask, and the mask's shape.

The masks are found by a linear layer on the patch features, which learns them from masks in the
dataset (a simulator's, or a tracker's); at run time a picture is enough. Slot k is object k, so
slots are always in the same order. Each number is in units of how much it varies: then a distance
between slots hears all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.encoders.conv_patches import coordinates
from jepa_wm_ros.worldmodel.slot_providers import mask_shares, pooled_by

if TYPE_CHECKING:
    from torch import Tensor

SHAPE = 5
"""Numbers that say what a mask is like: centre (2), extent (2) and area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPoolSettings:
    """Shape of a `MaskPoolEncoder`.

    Attributes:
        features: The encoder of the patches, read by the encoders' own settings.
    """

    features: dict[str, Any] = field(default_factory=lambda: {'name': 'dinov2_vits14'})


class MaskPoolEncoder(nn.Module):
    """A `SlotProvider` that finds the masks of known kinds of objects."""

    def __init__(
        self, features: nn.Module, features_dim: int, grid: tuple[int, int], slots: int, dim: int
    ) -> None:
        """Build with random weights.

        Args:
            features: Maps `(B, T, 3, h, w)` to patch features `(B, T, M, features_dim)`.
            features_dim: Numbers in a patch feature.
            grid: Rows and columns of the patches.
            slots: Slots of a frame, one for each object.
            dim: Numbers in a slot: those of a feature, and `SHAPE`.

        Raises:
            ValueError: `dim` is not what a slot has.
        """
        super().__init__()
        require(
            dim == features_dim + SHAPE,
            f'slot_dim must be {features_dim + SHAPE}: {features_dim} numbers of a patch feature '
            f'and {SHAPE} of the mask, got {dim}',
        )
        self.slots, self.dim, self.grid = slots, dim, grid
        self.features = features
        self.segment = nn.Linear(features_dim, slots)
        self.norm = nn.BatchNorm1d(slots * dim, affine=False)
        self.places: Tensor
        self.register_buffer('places', coordinates(*grid)[:, :2], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return slots `(B, T, N, D)` of frames `(B, T, 3, h, w)`, normalised pixels."""
        return self.found(images)[0]

    def found(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return slots, and the log-odds `(B, T, M, N)` of each patch being each object's."""
        features = self.features(images)
        odds: Tensor = self.segment(features)
        return self._slots(features, odds.softmax(-1).mT), odds

    def given(self, images: Tensor, masks: Tensor) -> Tensor:
        """Return slots of frames whose masks `(B, T, N, rows, columns)` are known, 0 to 1.

        Raises:
            SlotsError: The masks do not divide into the patches.
        """
        features = self.features(images)
        return self._slots(features, mask_shares(masks, features.shape[2]).to(features))

    def _slots(self, features: Tensor, shares: Tensor) -> Tensor:
        places = self.places.expand(*shares.shape[:2], -1, -1)
        centre = pooled_by(places, shares)
        extent = (pooled_by(places.square(), shares) - centre.square()).clamp_min(0)
        area = shares.mean(-1, keepdim=True)
        shape = [centre, (extent + 1e-6).sqrt(), area]
        measured = torch.cat([pooled_by(features, shares), *shape], -1)
        rows: Tensor = self.norm(measured.flatten(2).flatten(0, 1))
        return rows.view_as(measured)
