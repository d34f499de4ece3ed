"""Causal-JEPA's predictor: hidden entities are inferred from the visible ones.

A frame is a set of entities: object slots, and tokens of the robot's state and of the action. All
entities of all frames see each other; what is to be predicted is hidden. In place of a hidden
entity stands

    mask token + time position + identity(the entity in the window's first frame),

so that the predictor knows which object it is asked about, without slots having an order (the
identity anchor of arXiv 2602.11389).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings
from jepa_wm_ros.worldmodel.predictors.transformer import Transformer, WindowError, begin_linear

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPredictorSettings:
    """Shape of a `SlotPredictor`.

    Attributes:
        depth: Blocks.
        heads: Attention heads of a block.
        head_dim: Numbers in a head; null for the width of a slot divided by `heads`, as in the
            published weights.
        mlp_dim: Width of the hidden layer of a block.
        history: Most observed frames.
        future: Frames that are predicted at once.
        dropout: Share of numbers dropped in training.
    """

    depth: int = 6
    heads: int = 16
    head_dim: int | None = None
    mlp_dim: int = 2048
    history: int = 3
    future: int = 1
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse an empty network or window."""
        for name in ('depth', 'heads', 'mlp_dim', 'history', 'future'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')

    @property
    def frames(self) -> int:
        """Frames of a whole window."""
        return self.history + self.future


class SlotPredictor(nn.Module):
    """From entities with holes to whole entities."""

    def __init__(self, settings: SlotPredictorSettings, dim: int, entities: int) -> None:
        """Build with random weights.

        Args:
            settings: Sizes.
            dim: Numbers in an entity.
            entities: Entities of a frame.

        Raises:
            ValueError: `dim` is no multiple of the heads.
        """
        super().__init__()
        require(
            settings.head_dim is not None or dim % settings.heads == 0,
            f'the width {dim} of a slot must be a multiple of heads {settings.heads}, '
            'or head_dim be given',
        )
        self.settings = settings
        self.mask_token = nn.Parameter(torch.randn(dim) * 0.02)
        self.time_positions = nn.Parameter(torch.randn(settings.frames, dim))
        self.identity = nn.Linear(dim, dim)
        self.core = Transformer(
            TransformerSettings(
                dim=dim,
                depth=settings.depth,
                heads=settings.heads,
                head_dim=settings.head_dim or dim // settings.heads,
                mlp_dim=settings.mlp_dim,
                frames=settings.frames,
                grid=(1, entities),
                mask='none',
                norms='mlp',
                norm_eps=1e-5,
                dropout=settings.dropout,
            )
        )
        self.outward = nn.Linear(dim, dim)
        for layer in (self.identity, self.outward):
            begin_linear(layer)

    def compose(self, entities: Tensor, hidden: Tensor) -> Tensor:
        """Return the tokens of a window, with stand-ins where something is hidden.

        The window ends with the last time position: a shorter history begins later.

        Args:
            entities: `(B, T, E, D)`, of the observed frames.
            hidden: `(F, E)` bool, F >= T: what is hidden of the observed frames; all of the F - T
                future frames is.

        Returns:
            `(B, F, E, D)`.

        Raises:
            WindowError: More frames than there are positions for.
        """
        frames = len(hidden)
        if frames > len(self.time_positions):
            raise WindowError(
                f'a window of {frames} frames; the predictor has positions for '
                f'{len(self.time_positions)}'
            )
        positions = self.time_positions[-frames:, None]
        stand_in = (self.mask_token + positions) + self.identity(entities[:, :1])
        observed = entities.shape[1]
        seen = entities + positions[:observed]
        past = torch.where(hidden[:observed, :, None], stand_in[:, :observed], seen)
        return torch.cat([past, stand_in[:, observed:]], 1)

    def forward(self, entities: Tensor, hidden: Tensor) -> Tensor:
        """Return all entities `(B, F, E, D)` of a window; arguments as in `compose`."""
        result: Tensor = self.outward(self.core(self.compose(entities, hidden)))
        return result

    def predict(self, history: Tensor) -> Tensor:
        """Return the future frames `(B, future, E, D)` after a visible history `(B, T, E, D)`."""
        observed, entities = history.shape[1:3]
        future = self.settings.future
        tokens = self.compose(history, hidden_future(observed, future, entities, history.device))
        # The last block has to answer for the future alone.
        result, _ = self.core.extend(tokens, self.core.modulate(None), asked=future)
        predicted: Tensor = self.outward(result)
        return predicted


def hidden_future(
    observed: int, future: int, entities: int, device: torch.device | None = None
) -> Tensor:
    """Return `(observed + future, entities)`: the future is hidden, what was observed is not."""
    frames = torch.arange(observed + future, device=device)
    return (frames >= observed)[:, None].expand(-1, entities)


def hidden_slots(indices: Tensor, frames: int, entities: int) -> Tensor:
    """Return `(frames, entities)`: slots `(n,)` that are hidden in all frames but the first."""
    hidden = torch.zeros(frames, entities, dtype=torch.bool, device=indices.device)
    hidden[1:, indices] = True
    return hidden
