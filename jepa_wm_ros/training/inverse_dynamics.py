"""Which action leads from one embedding to the next: a small network that must be able to tell.

PLDM (arXiv 2502.14819) trains it beside the world model, so that embeddings keep what actions
change.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class InverseDynamics(nn.Module):
    """An MLP from two consecutive embeddings to the action between them.

    Args:
        dim: Numbers in an embedding.
        action_dim: Numbers in an action.
        hidden: Widths of the hidden layers; none for a linear map.
        newer_first: The order of the two: vladisai/PLDM takes `[z_t, z_t+1]` (False),
            stable-worldmodel `[z_t+1, z_t]` (True).
    """

    def __init__(
        self,
        dim: int,
        action_dim: int,
        hidden: Sequence[int] = (),
        *,
        newer_first: bool = False,
    ) -> None:
        super().__init__()
        self.newer_first = newer_first
        widths = [2 * dim, *hidden, action_dim]
        layers: list[nn.Module] = []
        for inward, outward in itertools.pairwise(widths):
            layers += [nn.Linear(inward, outward), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Return the actions `(..., A)` between embeddings `(..., D)`."""
        pair = (after, before) if self.newer_first else (before, after)
        action: Tensor = self.layers(torch.cat(pair, -1))
        return action
