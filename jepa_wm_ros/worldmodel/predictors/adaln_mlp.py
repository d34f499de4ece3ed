"""A residual MLP whose layers are modulated by the action (AdaLN-zero)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaLnMlpSettings:
    """Shape of an `AdaLnMlp`.

    Attributes:
        width: Numbers in the residual stream.
        depth: Modulated blocks.
        expansion: Width of a block's hidden layer, in multiples of `width`.
    """

    width: int = 128
    depth: int = 3
    expansion: int = 2

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        if min(self.width, self.depth, self.expansion) < 1:
            raise ValueError('width, depth and expansion must be at least 1')


class AdaLnMlp(nn.Module):
    """z' = z + f(z, a), for latents of one token.

    Each block is x + g * MLP((1 + s) * LN(x) + b), where shift b, scale s and gate g are linear
    in an embedding of the action and start at zero (DiT, arXiv 2212.09748). So does the output
    layer: an untrained predictor says that nothing changes.
    """

    def __init__(self, dim: int, action_dim: int, settings: AdaLnMlpSettings) -> None:
        """Build for latents of `dim` numbers and actions of `action_dim` numbers."""
        super().__init__()
        width, hidden = settings.width, settings.width * settings.expansion
        self.depth = settings.depth
        self.action = nn.Sequential(
            nn.Linear(action_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.modulation = nn.Linear(width, settings.depth * 3 * width)
        self.inward = nn.Linear(dim, width)
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, elementwise_affine=False) for _ in range(settings.depth)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))
            for _ in range(settings.depth)
        )
        self.outward = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim))
        for layer in (self.modulation, self.outward[1]):
            assert isinstance(layer, nn.Linear)
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def condition(self, actions: Tensor) -> Tensor:
        """Return the modulation `(..., depth * 3 * width)` of normalised actions `(..., A)`.

        It does not depend on the latent, so that a rollout computes it for all its steps at once.
        """
        modulation: Tensor = self.modulation(self.action(actions))
        return modulation

    def step(self, z: Tensor, modulation: Tensor) -> Tensor:
        """Predict the next latent `(B, D)` from `(B, D)` under a modulation of `condition`."""
        x = self.inward(z)
        parts = modulation.unflatten(-1, (self.depth, 3, x.shape[-1]))
        for i in range(self.depth):
            shift, scale, gate = parts[..., i, :, :].unbind(-2)
            x = x + gate * self.blocks[i](torch.addcmul(shift, self.norms[i](x), 1 + scale))
        change: Tensor = self.outward(x)
        return z + change
