"""Predictors that carry a state from step to step and look at no earlier frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.predictors.adaln_mlp import AdaLnMlp

if TYPE_CHECKING:
    from torch import Tensor


class StepPredictor(Protocol):
    """Goes from an embedding to those that follow, one action at a time."""

    def condition(self, actions: Tensor) -> Tensor:
        """Return what steps need of normalised actions `(..., A)`: `(..., C)`."""
        ...

    def begin(self, z: Tensor) -> Tensor:
        """Return the state that an encoded embedding `(B, D)` starts with."""
        ...

    def step(self, state: Tensor, condition: Tensor) -> Tensor:
        """Return the state after an action, given its condition `(B, C)`."""
        ...

    def read(self, state: Tensor) -> Tensor:
        """Return the embedding `(B, D)` of a state."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GruSettings:
    """Shape of a `GruPredictor`.

    Attributes:
        layers: Recurrent layers; each is as wide as the embedding.
    """

    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        require(self.layers >= 1, f'layers must be at least 1, got {self.layers}')


class GruPredictor(nn.Module):
    """Gated recurrent units whose state starts as the embedding, and a LayerNorm (PLDM).

    The input is the action alone: what the world looks like is in the state.
    """

    def __init__(self, dim: int, action_dim: int, settings: GruSettings) -> None:
        """Build for embeddings of `dim` numbers and actions of `action_dim` numbers."""
        super().__init__()
        self.cells = nn.ModuleList(
            nn.GRUCell(dim if layer else action_dim, dim) for layer in range(settings.layers)
        )
        self.norm = nn.LayerNorm(dim)

    def condition(self, actions: Tensor) -> Tensor:
        """Return the actions."""
        return actions

    def begin(self, z: Tensor) -> Tensor:
        """Return `(layers, B, D)`: the embedding in every layer."""
        return z.expand(len(self.cells), *z.shape)

    def step(self, state: Tensor, condition: Tensor) -> Tensor:
        """Return the state `(layers, B, D)` after an action `(B, A)`."""
        below, layers = condition, []
        for cell, before in zip(cast('list[nn.GRUCell]', self.cells), state, strict=True):
            below = cell(below, before)
            layers.append(below)
        return torch.stack(layers)

    def read(self, state: Tensor) -> Tensor:
        """Return the normalised last layer, `(B, D)`."""
        embedding: Tensor = self.norm(state[-1])
        return embedding


class MlpPredictor(AdaLnMlp):
    """An `AdaLnMlp` as a step predictor: its state is the embedding."""

    def begin(self, z: Tensor) -> Tensor:
        """Return the embedding."""
        return z

    def read(self, state: Tensor) -> Tensor:
        """Return the embedding."""
        return state
