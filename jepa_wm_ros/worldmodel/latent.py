"""What an encoder makes of an observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Latent:
    """A point, or a batch of points, in the space in which a world model predicts.

    Attributes:
        tokens: `(..., N, D)`: N tokens of D numbers for each frame.
        proprio: `(..., P)`: the robot's own state in the model's normalisation, or None for a
            model that sees pictures only. The leading dimensions equal those of `tokens`.
    """

    tokens: Tensor
    proprio: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> Latent:
        """Return the latent with `function` (tensor -> tensor) applied to each part."""
        return Latent(
            tokens=function(self.tokens),
            proprio=None if self.proprio is None else function(self.proprio),
        )

    def to(self, device: torch.device | str) -> Latent:
        """Return the latent on `device`."""
        return self.map(lambda part: part.to(device))

    def frame(self, index: int) -> Latent:
        """Return one frame `(B, N, D)` of a latent `(B, T, N, D)`."""
        return self.map(lambda part: part[:, index])
