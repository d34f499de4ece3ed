"""A small convolutional encoder, trained from pixels: its embedding, or its last feature map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import layer_norm

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

    @property
    def side(self) -> int:
        """Rows, and columns, of the last feature map."""
        return self.image_size // self.patch // int(2 ** (len(self.channels) - 2))

    def check_size(self, height: int, width: int) -> None:
        """Refuse pictures of another size [px].

        Raises:
            EncoderError: The frame has another size than the network was made for.
        """
        size = self.image_size
        if (height, width) != (size, size):
            raise EncoderError(
                f'pictures of {width}x{height} px do not fit a network made for {size}x{size} px'
            )


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
        self.features = _trunk(settings)
        self.head = nn.Linear(settings.channels[-1] * settings.side**2, settings.embed_dim)
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
        self.settings.check_size(height, width)
        return 1, 1

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, T, 3, h, w)`, normalised pixels, to `(B, T, 1, D)`.

        Pixels are brought to the device and the type of the weights.
        """
        frames = images.flatten(0, 1).to(self.conv.head.weight)
        tokens: Tensor = self.conv(frames)
        return tokens.unflatten(0, images.shape[:2])[:, :, None]


class ConvMap(nn.Module):
    """The last feature map of a `ConvEncoder`, one token for each of its places.

    What stands before the embedding still knows where things are. Frozen, with the weights of a
    model that was trained on the same world, it is to small predictors what DINO's patches are to
    large ones. Tokens get a LayerNorm without weights, as V-JEPA-2-AC's do: then all channels
    count about as much in a distance.
    """

    def __init__(self, settings: ConvEncoderSettings) -> None:
        """Build with random weights; `embed_dim` does not matter."""
        super().__init__()
        self.settings = settings
        self.features = _trunk(settings)

    @property
    def dim(self) -> int:
        """Numbers of a token."""
        return self.settings.channels[-1]

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the tokens of a frame [px].

        Raises:
            EncoderError: The frame has another size than the network was made for.
        """
        self.settings.check_size(height, width)
        return self.settings.side, self.settings.side

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, T, 3, h, w)`, normalised pixels, to `(B, T, N, D)`."""
        frames = images.flatten(0, 1).to(next(self.features.parameters()))
        tokens = layer_norm(self.features(frames).flatten(2).mT, (self.dim,))
        return tokens.unflatten(0, images.shape[:2])


def _trunk(settings: ConvEncoderSettings) -> nn.Sequential:
    """Return patches, a convolution, and stages that halve the resolution."""
    stem, width, *rest = settings.channels
    layers: list[nn.Module] = [
        nn.Conv2d(3, stem, settings.patch, settings.patch),
        *norm_act(stem),
        nn.Conv2d(stem, width, 3, padding=1),
        *norm_act(width),
    ]
    for wider in rest:
        layers += [nn.Conv2d(width, wider, 3, 2, 1), *norm_act(wider)]
        layers += [nn.Conv2d(wider, wider, 3, padding=1), *norm_act(wider)]
        width = wider
    return nn.Sequential(*layers)


def norm_act(width: int) -> tuple[nn.Module, nn.Module]:
    """Return what follows a convolution to `width` channels."""
    return nn.GroupNorm(GROUPS, width), nn.SiLU()
