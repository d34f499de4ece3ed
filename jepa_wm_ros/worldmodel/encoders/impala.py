"""The residual convolutional encoder of IMPALA (arXiv 1802.01561), which PLDM trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from jepa_wm_ros.worldmodel.checks import require

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpalaSettings:
    """Shape of an `ImpalaEncoder`.

    Attributes:
        image_size: Side of the square input [px].
        channels: Channels of the stages; each halves the resolution.
        embed_dim: Numbers in the embedding.
    """

    image_size: int = 64
    channels: tuple[int, ...] = (16, 32, 32)
    embed_dim: int = 512

    def __post_init__(self) -> None:
        """Check that something is left after the stages."""
        require(len(self.channels) >= 1, 'channels must name at least one stage')
        require(min(self.channels) >= 1, f'channels must be positive, got {self.channels}')
        require(self.embed_dim >= 1, f'embed_dim must be at least 1, got {self.embed_dim}')
        require(
            self.image_size >= 2 ** len(self.channels),
            f'image_size {self.image_size} is too small for {len(self.channels)} stages',
        )

    @property
    def side(self) -> int:
        """Side of the last feature map."""
        side = self.image_size
        for _ in self.channels:
            side = (side + 1) // 2
        return side


class ImpalaEncoder(nn.Module):
    """Stages of (convolution, pooling, two residual blocks), then one linear layer and a norm.

    The last LayerNorm is that of the recurrent predictor, too: what is encoded and what is
    predicted have the same scale.
    """

    def __init__(self, settings: ImpalaSettings) -> None:
        """Build with random weights."""
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in settings.channels:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.MaxPool2d(3, 2, 1)]
            layers += [ResidualBlock(width), ResidualBlock(width)]
            before = width
        self.features = nn.Sequential(*layers, nn.ReLU())
        self.head = nn.Linear(before * settings.side**2, settings.embed_dim)
        self.norm = nn.LayerNorm(settings.embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, 3, h, w)` to `(B, D)`."""
        embedding: Tensor = self.norm(self.head(self.features(images).flatten(1)))
        return embedding


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, width: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, h, w)` to the same shape."""
        hidden = self.first(nn.functional.relu(x))
        change: Tensor = self.second(nn.functional.relu(hidden))
        return x + change
