"""A decoder: from a latent to a picture of what the model keeps of the scene.

It is trained beside a world model that stays as it is, so what the latent leaves out (shadows,
textures) it can only guess. One network serves all families: it begins on a coarse grid and
doubles its resolution four times.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle, silu

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.heads.head import LatentShape, check_latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent

LAYOUTS = ('flat', 'grid', 'slots')
SCALE = 16
"""From the coarse grid to the picture."""
GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSettings:
    """Shape of a `Decoder`.

    Attributes:
        layout: How tokens become the coarse grid: `flat` (one linear layer from all numbers of a
            frame), `grid` (tokens are patches, row by row) or `slots` (each token paints a whole
            picture and says where it counts; Watters et al., arXiv 1901.07017).
        height: Of the pictures [px]; a multiple of 16.
        width: Of the pictures [px]; a multiple of 16.
        grid: Rows and columns of the patches, for `grid`.
        channels: Channels of the coarse grid and after each of three doublings.
    """

    layout: str
    height: int
    width: int
    grid: tuple[int, int] = (1, 1)
    channels: tuple[int, int, int, int] = (64, 48, 32, 24)

    def __post_init__(self) -> None:
        """Refuse sizes that do not divide."""
        one_of('layout', self.layout, LAYOUTS)
        for name in ('height', 'width'):
            side = getattr(self, name)
            require(
                side >= SCALE and side % SCALE == 0,
                f'{name} must be a multiple of {SCALE} px, got {side}',
            )
        require(all(c >= 1 for c in self.channels), f'channels must be positive: {self.channels}')
        require(
            all(c % GROUPS == 0 for c in self.channels),
            f'channels must be multiples of {GROUPS}, got {self.channels}',
        )

    @property
    def coarse(self) -> tuple[int, int]:
        """Rows and columns of the coarse grid."""
        return self.height // SCALE, self.width // SCALE


class Decoder(nn.Module):
    """Turns latents into pictures."""

    kind: ClassVar[str] = 'decoder'

    def __init__(self, latent: LatentShape, settings: DecoderSettings) -> None:
        """Build with random weights.

        Raises:
            ValueError: The tokens are not those of the grid.
        """
        super().__init__()
        self.latent, self.settings = latent, settings
        self.inward = _INWARD[settings.layout](latent, settings)
        self.painter = Painter(settings.channels, 4 if settings.layout == 'slots' else 3)
        self.average: nn.Parameter | None = None
        if settings.layout != 'slots':
            self.average = nn.Parameter(torch.zeros(3, settings.height, settings.width))

    def decode(self, latent: Latent) -> Tensor:
        """Return pictures `(..., 3, h, w)`, RGB in [0, 1], of latents `(..., N, D)`.

        Raises:
            HeadError: The latents are of another model.
        """
        check_latent(latent, self.latent, self.kind)
        tokens = latent.tokens.to(next(self.parameters()))
        pictures: Tensor = self(tokens.reshape(-1, *tokens.shape[-2:]))
        return pictures.reshape(*tokens.shape[:-2], *pictures.shape[1:])

    def forward(self, tokens: Tensor) -> Tensor:
        """Return pictures `(B, 3, h, w)` of tokens `(B, N, D)`."""
        if self.settings.layout == 'slots':
            colours, shares = self.layers(tokens)
            return (colours * shares).sum(1)
        assert self.average is not None
        return (self.painter(self.inward(tokens)) + self.average).sigmoid()

    def layers(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return what each slot paints, `(B, N, 3, h, w)`, and its share of each pixel.

        The shares `(B, N, 1, h, w)` are within 0..1 and sum to 1 over the slots.
        """
        painted = self.painter(self.inward(tokens)).unflatten(0, tokens.shape[:2])
        return painted[:, :, :3].sigmoid(), painted[:, :, 3:].softmax(1)

    def begin_at(self, average: Tensor) -> None:
        """Let pictures begin at an average `(3, h, w)` in [0, 1]; no part of `slots`."""
        if self.average is not None:
            self.average.data.copy_(average.clamp(0.01, 0.99).logit())


class Painter(nn.Module):
    """From a coarse grid to a picture: convolutions, and a doubling after each."""

    def __init__(self, channels: tuple[int, int, int, int], out: int) -> None:
        """Build with random weights for `out` channels."""
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(GROUPS, b), nn.SiLU())
            for a, b in itertools.pairwise(channels)
        )
        self.last = nn.Conv2d(channels[-1], 4 * out, 3, padding=1)

    def forward(self, coarse: Tensor) -> Tensor:
        """Return `(B, out, 16 h, 16 w)` of `(B, C, h, w)`."""
        for stage in self.stages:
            coarse = stage(interpolate(coarse, scale_factor=2.0))
        return pixel_shuffle(self.last(coarse), 2)


class _Flat(nn.Module):
    """One linear layer from all numbers of a frame to the coarse grid."""

    def __init__(self, latent: LatentShape, settings: DecoderSettings) -> None:
        super().__init__()
        rows, columns = settings.coarse
        self.shape = (settings.channels[0], rows, columns)
        self.linear = nn.Linear(latent.tokens * latent.dim, settings.channels[0] * rows * columns)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear(tokens.flatten(1)).unflatten(1, self.shape)


class _Grid(nn.Module):
    """Patches where they are; where they are finer than the coarse grid, several to a place."""

    def __init__(self, latent: LatentShape, settings: DecoderSettings) -> None:
        super().__init__()
        rows, columns = self.grid = settings.grid
        require(
            rows * columns == latent.tokens,
            f'grid must be rows and columns of {latent.tokens} patches, got {rows} x {columns}',
        )
        down, right = settings.coarse
        side = max(math.ceil(rows / down), math.ceil(columns / right))
        self.size = (down * side, right * side)
        self.gather = nn.Conv2d(latent.dim, settings.channels[0], side, side)
        self.mixing = nn.Conv2d(settings.channels[0], settings.channels[0], 3, padding=1)

    def forward(self, tokens: Tensor) -> Tensor:
        patches = tokens.mT.unflatten(-1, self.grid)
        if self.size != self.grid:
            patches = interpolate(patches, size=self.size, mode='bilinear')
        return silu(self.mixing(silu(self.gather(patches))))


class _Slots(nn.Module):
    """Each slot at every place of the coarse grid, with the place's coordinates."""

    def __init__(self, latent: LatentShape, settings: DecoderSettings) -> None:
        super().__init__()
        rows, columns = settings.coarse
        self.linear = nn.Linear(latent.dim, settings.channels[0])
        self.places = nn.Parameter(0.1 * torch.randn(settings.channels[0], rows, columns))

    def forward(self, tokens: Tensor) -> Tensor:
        slots = self.linear(tokens).flatten(0, 1)
        return silu(slots[:, :, None, None] + self.places)


_INWARD: dict[str, type[_Flat] | type[_Grid] | type[_Slots]] = {
    'flat': _Flat,
    'grid': _Grid,
    'slots': _Slots,
}
