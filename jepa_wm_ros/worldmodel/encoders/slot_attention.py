"""Finds object slots in frames: slot attention over patch features, carried through time.

Slots compete for patches: the weights of a patch sum to 1 over the slots, and each slot becomes
the mean of what it won (Slot Attention, arXiv 2006.15055). The slots of one frame, moved on by a
small transformer, are where the search in the next begins (SAVi, arXiv 2111.12594; VideoSAUR,
arXiv 2306.04829), which keeps their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings
from jepa_wm_ros.worldmodel.predictors.transformer import Transformer

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotEncoderSettings:
    """Shape of a `SlotEncoder`.

    Attributes:
        features: The encoder of the patches, read by the encoders' own settings.
        hidden: Width of the hidden layer between patch features and slots.
        first_iterations: Rounds of attention in the first frame.
        iterations: Rounds in each later frame.
        heads: Attention heads of the transformer between frames.
    """

    features: dict[str, Any] = field(default_factory=lambda: {'name': 'dinov2_vits14'})
    hidden: int = 768
    first_iterations: int = 3
    iterations: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        for name in ('hidden', 'first_iterations', 'iterations', 'heads'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')


class SlotAttention(nn.Module):
    """One round: patches are shared out among the slots, and each slot is updated."""

    def __init__(self, dim: int) -> None:
        """Build with random weights for slots and features of `dim` numbers."""
        super().__init__()
        self.features_norm = nn.LayerNorm(dim)
        self.slots_norm = nn.LayerNorm(dim)
        self.mlp_norm = nn.LayerNorm(dim)
        self.queries = nn.Linear(dim, dim, bias=False)
        self.keys = nn.Linear(dim, dim, bias=False)
        self.values = nn.Linear(dim, dim, bias=False)
        self.update = nn.GRUCell(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, slots: Tensor, features: Tensor, rounds: int) -> Tensor:
        """Return slots `(B, N, D)` after some rounds over features `(B, M, D)`."""
        read = self.features_norm(features)
        keys, values = self.keys(read), self.values(read)
        for _ in range(rounds):
            queries = self.queries(self.slots_norm(slots))
            shares = (queries @ keys.mT / keys.shape[-1] ** 0.5).softmax(1) + EPSILON
            won = shares @ values / shares.sum(-1, keepdim=True)
            slots = self.update(won.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.mlp(self.mlp_norm(slots))
        return slots


class SlotEncoder(nn.Module):
    """A `SlotProvider` that can be trained.

    The search begins from learned slots, so that the same frame always gives the same slots.
    """

    def __init__(
        self,
        features: nn.Module,
        features_dim: int,
        slots: int,
        dim: int,
        settings: SlotEncoderSettings,
    ) -> None:
        """Build with random weights.

        Args:
            features: Maps `(B, T, 3, h, w)` to patch features `(B, T, M, features_dim)`.
            features_dim: Numbers in a patch feature.
            slots: Slots of a frame.
            dim: Numbers in a slot.
            settings: Rounds and widths.

        Raises:
            ValueError: `dim` is no multiple of the heads.
        """
        super().__init__()
        require(
            dim % settings.heads == 0,
            f'the width {dim} of a slot must be a multiple of heads {settings.heads}',
        )
        self.slots, self.dim, self.settings = slots, dim, settings
        self.features = features
        self.inward = nn.Sequential(
            nn.LayerNorm(features_dim),
            nn.Linear(features_dim, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, dim),
        )
        self.initial = nn.Parameter(torch.randn(slots, dim) * dim**-0.5)
        self.attention = SlotAttention(dim)
        self.between = Transformer(
            TransformerSettings(
                dim=dim,
                depth=1,
                heads=settings.heads,
                head_dim=dim // settings.heads,
                mlp_dim=4 * dim,
                grid=(1, slots),
                mask='none',
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return slots `(B, T, N, D)` of frames `(B, T, 3, h, w)`, normalised pixels."""
        features = self.inward(self.features(images))
        slots = self.initial.expand(len(features), -1, -1)
        frames, rounds = [], self.settings.first_iterations
        for frame in features.unbind(1):
            slots = self.attention(slots, frame, rounds)
            frames.append(slots)
            slots, rounds = self.between(slots[:, None])[:, 0], self.settings.iterations
        return torch.stack(frames, 1)
