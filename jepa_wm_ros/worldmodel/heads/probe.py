"""A probe: reads where the robot is from a latent, linearly or through a small MLP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.families.inputs import Normaliser
from jepa_wm_ros.worldmodel.heads.head import (
    POOLINGS,
    LatentShape,
    check_latent,
    pool,
    pooled_width,
)

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """Shape of a `PositionProbe`.

    Attributes:
        fields: Names of what it reads, such as x, y, z of the flange in the base frame [m].
        mean: Mean of each field.
        std: Scale of each field.
        hidden: Widths of the hidden layers; empty for a linear probe.
        pooling: `flat` sees all tokens, `mean` their mean.
    """

    fields: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    hidden: tuple[int, ...] = ()
    pooling: str = 'flat'

    def __post_init__(self) -> None:
        """Check that each field has its scale."""
        require(
            len(self.fields) == len(self.mean) == len(self.std) >= 1,
            'fields, mean and std must have as many entries each, at least 1',
        )
        require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')
        require(all(w >= 1 for w in self.hidden), f'hidden must be positive, got {self.hidden}')
        one_of('pooling', self.pooling, POOLINGS)


class PositionProbe(nn.Module):
    """Says where the robot is."""

    kind: ClassVar[str] = 'probe'

    def __init__(self, latent: LatentShape, settings: ProbeSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.latent, self.settings = latent, settings
        width = pooled_width(latent, settings.pooling)
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer('centre', torch.zeros(width))
        self.register_buffer('scale', torch.ones(width))
        layers: list[nn.Module] = []
        for wider in settings.hidden:
            layers += [nn.Linear(width, wider), nn.SiLU()]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Linear(width, len(settings.fields)))
        self.normalise = Normaliser(settings.mean, settings.std)

    def read(self, latent: Latent) -> Tensor:
        """Return the fields `(..., F)` in their units, of latents `(..., N, D)`.

        Raises:
            HeadError: The latents are of another model.
        """
        check_latent(latent, self.latent, self.kind)
        estimate: Tensor = self.normalise.undo(self(latent.tokens.to(self.centre)))
        return estimate

    def forward(self, tokens: Tensor) -> Tensor:
        """Return normalised fields `(..., F)` of tokens `(..., N, D)`."""
        seen = (pool(tokens, self.settings.pooling) - self.centre) / self.scale
        estimate: Tensor = self.layers(seen)
        return estimate
