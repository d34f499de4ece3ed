"""The distribution of action sequences that a solver draws from and refines."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDistribution:
    """Independent normal distributions, truncated to bounds, over `(B, H, A)` actions.

    Attributes:
        mean: `(B, H, A)`, physical units.
        std: `(B, H, A)`, physical units; 0 pins a dimension to its mean.
        lower: `(A,)` bounds.
        upper: `(A,)` bounds.
        seeds: `(B, K, H, A)` further candidates that are worth a try, such as the elites of the
            last plan; None for none.
    """

    mean: Tensor
    std: Tensor
    lower: Tensor
    upper: Tensor
    seeds: Tensor | None = None

    @property
    def pinned(self) -> Tensor:
        """Where no solver may move anything, `(B, H, A)` booleans."""
        return self.std == 0

    def place(self, noise: Tensor) -> Tensor:
        """Return the action sequences within the bounds that `noise` `(B, S, H, A)` stands for."""
        noise = noise.to(self.mean.device, self.mean.dtype)
        return self.clip(self.mean[:, None] + self.std[:, None] * noise)

    def clip(self, actions: Tensor) -> Tensor:
        """Return actions within the bounds."""
        return torch.minimum(torch.maximum(actions, self.lower), self.upper)

    def moved(self, mean: Tensor, std: Tensor) -> ActionDistribution:
        """Return the distribution with another mean and deviation; what is pinned stays."""
        return dataclasses.replace(
            self,
            mean=torch.where(self.pinned, self.mean, mean),
            std=torch.where(self.pinned, 0.0, std),
        )
