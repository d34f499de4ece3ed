"""The transformer core: one stack of blocks that serves every family's predictor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.predictors.blocks import Block
from jepa_wm_ros.worldmodel.predictors.rope import Rotary

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.attention import KeysValues
    from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings

INIT_STD = 0.02


class WindowError(JepaWmError):
    """A window that the predictor has no positions for."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a continued window needs of the frames before: one entry for each block.

    Attributes:
        frames: How many frames they are.
        blocks: Keys and values of each block.
    """

    frames: int
    blocks: tuple[KeysValues, ...]


class Transformer(nn.Module):
    """Blocks over the tokens of a window of frames, and a last LayerNorm.

    Where the mask is frame-causal, a frame's keys and values do not depend on later frames: a
    window can be continued from a `Past`, with the same numbers as in one go.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(settings.dim, eps=settings.norm_eps)
        incoming = settings.input_dim or settings.dim
        self.inward = nn.Linear(incoming, settings.dim) if settings.input_dim else nn.Identity()
        self.positions = (
            nn.Parameter(torch.randn(1, settings.frames * settings.tokens, incoming))
            if settings.positions == 'learned'
            else None
        )
        self.rotary = (
            Rotary(settings.head_dim, settings.frames, settings.grid, settings.extra_tokens)
            if settings.positions == 'rope'
            else None
        )
        self.merged: nn.Module | None = None  # all modulations in one product, see `run_as`
        self._begin()

    def modulate(self, condition: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return what each block does with a condition.

        It does not depend on the tokens: a rollout computes it once for all its steps.

        Args:
            condition: `(B, T, C)`, one for each frame, or None for blocks without a condition.

        Returns:
            For each block `(B, T, 6, D)`, or None.
        """
        if condition is None:
            return (None,) * len(self.blocks)
        active = nn.functional.silu(condition)
        if self.merged is not None:
            together = self.merged(active).unflatten(-1, (len(self.blocks), 6, -1))
            return together.unbind(-3)
        return tuple(block.modulate(active) for block in self._each())

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Process a whole window.

        Args:
            x: `(B, T, N, D)` tokens, without positions.
            condition: `(B, T, C)` where the settings have one.

        Returns:
            `(B, T, N, D)`.

        Raises:
            WindowError: More frames than there are positions for.
        """
        result, _ = self.extend(x, self.modulate(condition))
        return result

    def extend(
        self,
        x: Tensor,
        modulations: tuple[Tensor | None, ...],
        past: Past | None = None,
        *,
        asked: int | None = None,
        keep: bool = False,
    ) -> tuple[Tensor, Past | None]:
        """Process new frames of a window after cached ones.

        Args:
            x: `(B, T, N, D)` tokens of the new frames, without positions.
            modulations: Of `modulate`, for the new frames.
            past: The window's frames so far, of batch B or, shared by groups of consecutive
                entries, of a divisor of B.
            asked: How many of the new frames, from the last, want a result; None for all.
            keep: Whether to return the past of the next frame too.

        Returns:
            `(B, asked, N, D)`, and the past with the new frames, or None unless `keep`.

        Raises:
            WindowError: More frames than there are positions for, or a past without a causal mask.
        """
        first, frames = (0 if past is None else past.frames), x.shape[1]
        self._check(first, frames)
        if self.positions is not None:
            start = first * x.shape[2]
            here = self.positions[:, start : start + frames * x.shape[2]]
            x = x + here.unflatten(1, (frames, -1))
        x = self.inward(x)
        seen = []
        for i, block in enumerate(self._each()):
            before = None if past is None else past.blocks[i]
            wanted = asked if i == len(self.blocks) - 1 else None
            x, entry = block(x, modulations[i], self.rotary, before, wanted)
            if keep:
                seen.append(entry.alone())
        return self.norm(x), Past(first + frames, tuple(seen)) if keep else None

    def _each(self) -> list[Block]:
        return cast('list[Block]', list(self.blocks))

    def _check(self, first: int, frames: int) -> None:
        longest, positions = self.settings.frames, self.settings.positions
        if positions != 'none' and first + frames > longest:
            raise WindowError(
                f'a window of {first + frames} frames; the predictor has positions for {longest}'
            )
        if first and self.settings.mask != 'frame_causal':
            raise WindowError('only a predictor with a frame-causal mask can continue a window')

    def _begin(self) -> None:
        """Set the first weights: small, and smaller where deep blocks add to the stream."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                begin_linear(module)
        for i, block in enumerate(self._each()):
            for layer in (block.attention.out, block.mlp.outward):
                layer.weight.data.div_(math.sqrt(2.0 * (i + 1)))
            if block.modulation is not None:
                nn.init.normal_(block.modulation.weight, std=self.settings.modulation_std)


def begin_linear(layer: nn.Linear) -> None:
    """Give a linear layer its first weights: truncated normal, no bias."""
    nn.init.trunc_normal_(layer.weight, std=INIT_STD)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
