"""What comes into a model: normalisation of plain numbers, and checks of shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.latent import Latent


class RolloutError(JepaWmError):
    """A rollout was asked for with parts that do not fit together."""


class Normaliser(nn.Module):
    """(x - mean) / std, field by field; constants of the contract, not weights."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Keep the constants as buffers, so that they follow the model to its device."""
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer('mean', torch.tensor(mean), persistent=False)
        self.register_buffer('std', torch.tensor(std), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `(..., fields)` in physical units."""
        return (x - self.mean) / self.std

    def undo(self, x: Tensor) -> Tensor:
        """Return `(..., fields)` in physical units."""
        return x * self.std + self.mean


def check_rollout(
    context: Latent, past_actions: Tensor, actions: Tensor, needs_state: bool
) -> None:
    """Refuse what no rollout can start from.

    Args:
        context: `(B, W, N, D)`.
        past_actions: `(B, W - 1, A)`.
        actions: `(B, S, H, A)`.
        needs_state: Whether the model takes the robot's state.

    Raises:
        RolloutError: Says which shapes were given and which are accepted.
    """
    batch, frames = context.tokens.shape[:2]
    fields = actions.shape[-1]
    if actions.ndim != 4 or actions.shape[0] != batch:
        raise RolloutError(
            f'actions must be ({batch}, S, H, A) for {batch} contexts, got {tuple(actions.shape)}'
        )
    if past_actions.shape != (batch, frames - 1, fields):
        raise RolloutError(
            f'past_actions must be ({batch}, {frames - 1}, {fields}), one between each two of '
            f'{frames} frames of context, got {tuple(past_actions.shape)}'
        )
    if needs_state and context.proprio is None:
        raise RolloutError(
            "the model takes the robot's state: encode the context with proprio, "
            'in the fields of contract.proprio'
        )
