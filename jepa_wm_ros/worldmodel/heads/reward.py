"""A reward head: how likely a latent is a success, learned from labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import one_of, require
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
class RewardSettings:
    """Shape of a `RewardHead`.

    Attributes:
        goal: Whether it sees the goal, too.
        width: Of its hidden layers.
        depth: Hidden layers.
        pooling: `flat` sees all tokens, `mean` their mean.
    """

    goal: bool = False
    width: int = 256
    depth: int = 2
    pooling: str = 'flat'

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        require(min(self.width, self.depth) >= 1, 'width and depth must be at least 1')
        one_of('pooling', self.pooling, POOLINGS)


class RewardHead(nn.Module):
    """An MLP on the tokens of a frame, and on those of the goal where it is asked to see it."""

    kind: ClassVar[str] = 'reward'

    def __init__(self, latent: LatentShape, settings: RewardSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.latent, self.settings = latent, settings
        size = pooled_width(latent, settings.pooling) * (3 if settings.goal else 1)
        layers: list[nn.Module] = []
        for _ in range(settings.depth):
            layers += [nn.Linear(size, settings.width), nn.LayerNorm(settings.width), nn.SiLU()]
            size = settings.width
        self.layers = nn.Sequential(*layers, nn.Linear(size, 1))

    def value(self, latent: Latent, goal: Latent) -> Tensor:
        """Return log-odds of success `(...)`, more is better, of latents `(..., N, D)`.

        Args:
            latent: What is judged.
            goal: `(..., N, D)`, broadcast to the latents; not looked at by a head without goal.

        Raises:
            HeadError: The latents are of another model.
        """
        check_latent(latent, self.latent, self.kind)
        check_latent(goal, self.latent, self.kind)
        return self(latent.tokens, goal.tokens)

    def forward(self, tokens: Tensor, goal: Tensor) -> Tensor:
        """Return log-odds `(...)` of tokens and goals `(..., N, D)`."""
        kind = next(self.parameters())
        seen = pool(tokens.to(kind), self.settings.pooling)
        if self.settings.goal:
            wanted = pool(goal.to(kind), self.settings.pooling).expand_as(seen)
            seen = torch.cat([seen, wanted, seen - wanted], -1)
        value: Tensor = self.layers(seen)[..., 0]
        return value
