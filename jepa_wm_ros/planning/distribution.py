"""The distribution of action sequences that a solver draws from and refines."""

from __future__ import annotations

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
    """

    mean: Tensor
    std: Tensor
    lower: Tensor
    upper: Tensor

    def sample(self, count: int, correlation: float, generator: torch.Generator) -> Tensor:
        """Draw `(B, count, H, A)` action sequences within the bounds.

        Args:
            count: Candidates for each problem.
            correlation: Part of the variance that all steps of a candidate share. White noise
                makes candidates tremble on the spot; shared noise makes them go somewhere.
            generator: Source of randomness.
        """
        batch, horizon, fields = self.mean.shape
        white = torch.randn(batch, count, horizon, fields, generator=generator)
        shared = torch.randn(batch, count, 1, fields, generator=generator)
        noise = (1.0 - correlation) ** 0.5 * white + correlation**0.5 * shared
        noise = noise.to(self.mean.device, self.mean.dtype)
        return self.clip(self.mean[:, None] + self.std[:, None] * noise)

    def clip(self, actions: Tensor) -> Tensor:
        """Return actions within the bounds."""
        return torch.minimum(torch.maximum(actions, self.lower), self.upper)
