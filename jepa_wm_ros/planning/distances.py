"""Latent distances: predicted tokens and those of the goal -> one number for each frame.

A new one is a function of tokens `(..., N, D)` and goal tokens that broadcast to them, with
a line in `DISTANCES` below and its name in those of `worldmodel/search_settings.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cosine_similarity

if TYPE_CHECKING:
    from torch import Tensor

Distance = Callable[['Tensor', 'Tensor'], 'Tensor']
"""Distances `(...)` of tokens `(..., N, D)` from goal tokens `(..., N, D)`."""


def l1(tokens: Tensor, goal: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (tokens - goal).abs().mean((-2, -1))


def l2(tokens: Tensor, goal: Tensor) -> Tensor:
    """Mean squared difference."""
    return (tokens - goal).square().mean((-2, -1))


def cosine(tokens: Tensor, goal: Tensor) -> Tensor:
    """1 - cosine of each token, averaged over the tokens."""
    return 1.0 - cosine_similarity(tokens, goal, dim=-1).mean(-1)


def flat_cosine(tokens: Tensor, goal: Tensor) -> Tensor:
    """1 - cosine of all tokens as one vector."""
    return 1.0 - cosine_similarity(tokens.flatten(-2), goal.flatten(-2), dim=-1)


def slots(tokens: Tensor, goal: Tensor) -> Tensor:
    """Mean squared difference after the best matching of slots to those of the goal.

    Slots are a set: their order says nothing. The assignment is exact (Hungarian), as in C-JEPA.
    """
    from jepa_wm_ros.worldmodel.assignment import match

    tokens, goal = torch.broadcast_tensors(tokens, goal)
    costs = (tokens[..., :, None, :] - goal[..., None, :, :]).square().mean(-1)
    order = match(costs.detach().nan_to_num(0.0, 0.0, 0.0))  # what is no number stays none below
    return costs.gather(-1, order[..., None])[..., 0].mean(-1)


DISTANCES: dict[str, Distance] = {
    'l1': l1,
    'l2': l2,
    'cosine': cosine,
    'flat_cosine': flat_cosine,
    'slots': slots,
}
"""By the names that settings use."""
