"""A small convolutional encoder, trained from pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from jepa_wm_ros.worldmodel.encoders.vit import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvEncoderSettings:
    """Shape of a `ConvEncoder`.

    Attributes:
        image_size: Side of the square input [px]; a multiple of `patch`.
        patch: Side of the patches of the stem [px].
        channels: Channels of the stem, and then of each stage; each stage but the first halves
            the resolution.
        embed_dim: Numbers in the embedding.
    """

    image_size: int = 96
    patch: int = 8
    channels: tuple[int, ...] = (32, 48, 64, 128)
    embed_dim: int = 64

    def __post_init__(self) -> None:
        """Check that the sizes divide."""
        side, stages = self.image_size // self.patch, len(self.channels) - 2
        if self.image_size % self.patch or stages < 0 or side % (2**stages):
            raise ValueError(
                f'image_size {self.image_size} must be patch {self.patch} times a multiple of '
                f'{2 ** max(stages, 0)} for {len(self.channels)} entries in channels'
            )
        if any(width % GROUPS for width in self.channels):
            raise ValueError(f'channels must be multiples of {GROUPS}, got {self.channels}')


class ConvEncoder(nn.Module):
    """Patches -> convolutions -> one embedding.

    The position of things is what counts, so there is no pooling: the last feature map is
    flattened into one linear layer. A BatchNorm without a LayerNorm before it ends the encoder,
    because a pinned norm would fight the isotropic Gaussian that SIGReg asks for
    (LeWorldModel, arXiv 2603.19312).
    """

    def __init__(self, settings: ConvEncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        stem, first, *rest = settings.channels
        layers: list[nn.Module] = [
            nn.Conv2d(3, stem, settings.patch, settings.patch),
            *norm_act(stem),
            nn.Conv2d(stem, first, 3, padding=1),
            *norm_act(first),
        ]
        width = first
        for wider in rest:
            layers += [nn.Conv2d(width, wider, 3, 2, 1), *norm_act(wider)]
            layers += [nn.Conv2d(wider, wider, 3, padding=1), *norm_act(wider)]
            width = wider
        side = settings.image_size // settings.patch // 2 ** len(rest)
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width * side * side, settings.embed_dim)
        self.norm = nn.BatchNorm1d(settings.embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, 3, h, w)` to `(B, D)`."""
        embedding: Tensor = self.norm(self.head(self.features(images).flatten(1)))
        return embedding


class ConvFrames(nn.Module):
    """A `ConvEncoder` applied to each frame by itself, which gives one token a frame."""

    def __init__(self, settings: ConvEncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        self.conv = ConvEncoder(settings)

    @property
    def dim(self) -> int:
        """Numbers of a token."""
        return self.settings.embed_dim

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return (1, 1), rows and columns of the tokens of a frame [px].

        Raises:
            EncoderError: The frame has another size than the network was made for.
        """
        side = self.settings.image_size
        if (height, width) != (side, side):
            raise EncoderError(
                f'pictures of {width}x{height} px do not fit a network made for {side}x{side} px'
            )
        return 1, 1

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, T, 3, h, w)`, normalised pixels, to `(B, T, 1, D)`.

        Pixels are brought to the device and the type of the weights.
        """
        frames = images.flatten(0, 1).to(self.conv.head.weight)
        tokens: Tensor = self.conv(frames)
        return tokens.unflatten(0, images.shape[:2])[:, :, None]


def norm_act(width: int) -> tuple[nn.Module, nn.Module]:
    """Return what follows a convolution to `width` channels."""
    return nn.GroupNorm(GROUPS, width), nn.SiLU()
