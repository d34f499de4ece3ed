"""A small convolutional encoder that keeps the grid: one token for each patch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.encoders.conv import norm_act
from jepa_wm_ros.worldmodel.encoders.vit import EncoderError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvPatchSettings:
    """Shape of a `ConvPatches`.

    Attributes:
        patch: Side of the patches of the stem [px].
        channels: Channels of the stem, and after each convolution; the last is a token's width.
    """

    patch: int = 8
    channels: tuple[int, ...] = (32, 48, 64)

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        require(self.patch >= 1, f'patch must be at least 1 px, got {self.patch}')
        require(
            len(self.channels) >= 1 and all(c >= 8 and c % 8 == 0 for c in self.channels),
            f'channels must be multiples of 8, got {self.channels}',
        )


class ConvPatches(nn.Module):
    """Patches, convolutions among neighbours, and where each patch is.

    Slot attention cannot see where a token comes from, so its coordinates are added (Slot
    Attention, arXiv 2006.15055, appendix E.2).
    """

    def __init__(self, settings: ConvPatchSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        stem, *_ = settings.channels
        layers = [nn.Conv2d(3, stem, settings.patch, settings.patch), *norm_act(stem)]
        for narrow, wide in itertools.pairwise(settings.channels):
            layers += [nn.Conv2d(narrow, wide, 3, padding=1), *norm_act(wide)]
        self.layers = nn.Sequential(*layers)
        self.place = nn.Linear(4, self.dim)

    @property
    def dim(self) -> int:
        """Numbers of a token."""
        return self.settings.channels[-1]

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the tokens of a frame [px].

        Raises:
            EncoderError: A side is no multiple of the patch.
        """
        patch = self.settings.patch
        if height % patch or width % patch:
            raise EncoderError(
                f'pictures of {width}x{height} px do not divide into patches of {patch} px'
            )
        return height // patch, width // patch

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, T, 3, h, w)`, normalised pixels, to `(B, T, N, D)`."""
        frames = images.flatten(0, 1).to(self.place.weight)
        planes = self.layers(frames)
        tokens = planes.flatten(2).mT + self.place(coordinates(*planes.shape[-2:]).to(frames))
        unfolded: Tensor = tokens.unflatten(0, images.shape[:2])
        return unfolded


def coordinates(rows: int, columns: int) -> Tensor:
    """Return how far each patch is from the four edges, `(rows * columns, 4)` within 0..1."""
    y = (torch.arange(rows) + 0.5) / rows
    x = (torch.arange(columns) + 0.5) / columns
    down, right = torch.meshgrid(y, x, indexing='ij')
    return torch.stack([down, right, 1 - down, 1 - right], -1).flatten(0, 1)
