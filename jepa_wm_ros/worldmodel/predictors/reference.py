"""The transformer core with its weights run the way published code runs them.

It is what the core is measured and tested against, and it is slow on purpose: the modulation is
computed in every block and copied to every token, the angles of the rotary positions are made
again in every block for queries and for keys, the mask is cut from a larger one and copied to the
device in every call, every token of the window goes through every block, and heads have the width
that the published settings give them. Nothing is kept from one call to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from jepa_wm_ros.worldmodel.predictors.blocks import Block
from jepa_wm_ros.worldmodel.predictors.masks import frame_causal
from jepa_wm_ros.worldmodel.predictors.rope import BASE, companion

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.attention import Attention
    from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings
    from jepa_wm_ros.worldmodel.predictors.transformer import Transformer


class ReferenceTransformer(nn.Module):
    """Stands in for a `Transformer` and shares its weights; whole windows only."""

    def __init__(self, core: Transformer) -> None:
        """Take over the weights of `core`."""
        super().__init__()
        self.core = core
        # Deliberately no buffer: published code keeps it on the CPU and copies it in every call.
        settings = core.settings
        self._mask = (
            frame_causal(settings.frames, settings.tokens)
            if settings.mask == 'frame_causal'
            else None
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Process a window `(B, T, N, D)` with conditions `(B, T, C)`; see `Transformer`."""
        frames, tokens = x.shape[1], x.shape[2]
        x = x.flatten(1, 2)
        if self.core.positions is not None:
            x = x + self.core.positions[:, : x.shape[1]]
        x = self.core.inward(x)
        for block in self.core.blocks:
            assert isinstance(block, Block)
            x = self._block(block, x, condition, frames)
        return self.core.norm(x).unflatten(1, (frames, tokens))

    def _block(self, block: Block, x: Tensor, condition: Tensor | None, frames: int) -> Tensor:
        if block.modulation is None or condition is None:
            x = x + self._attention(block.attention, block.attention_norm(x), frames)
            return x + block.mlp(block.mlp_norm(x))
        # The action of a frame, written out for each of its tokens.
        modulation = block.modulation(silu(condition))
        modulation = modulation.repeat_interleave(x.shape[1] // frames, 1)
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.chunk(6, -1)
        read = block.attention_inner_norm(block.attention_norm(x) * (1 + scale) + shift)
        x = x + gate * self._attention(block.attention, read, frames)
        read = block.mlp_inner_norm(block.mlp_norm(x) * (1 + mlp_scale) + mlp_shift)
        return x + mlp_gate * block.mlp(read)

    def _attention(self, attention: Attention, x: Tensor, frames: int) -> Tensor:
        batch, length, _ = x.shape
        whole = linear(x, attention.qkv.weight, attention.qkv.bias)
        split = whole.unflatten(-1, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = split
        if self.core.settings.positions == 'rope':
            queries = _turned(queries, frames, self.core.settings)
            keys = _turned(keys, frames, self.core.settings)
        mask = None if self._mask is None else self._mask[:length, :length].to(x.device)
        result = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        merged: Tensor = attention.out(result.transpose(1, 2).reshape(batch, length, -1))
        return merged


def _turned(x: Tensor, frames: int, settings: TransformerSettings) -> Tensor:
    """Turn queries or keys `(B, heads, T * N, head_dim)` by positions that are made here."""
    size = 2 * ((x.shape[-1] // 3) // 2)
    extra, grid = settings.extra_tokens, settings.grid
    framed = x.unflatten(2, (frames, -1))
    others, patches = framed[..., :extra, :], framed[..., extra:, :].flatten(2, 3)
    index = torch.arange(patches.shape[2], device=x.device)
    place = index % (grid[0] * grid[1])
    positions = index // (grid[0] * grid[1]), place // grid[1], place % grid[1]
    slices = [
        _rotate(patches[..., i * size : (i + 1) * size], position)
        for i, position in enumerate(positions)
    ]
    patches = torch.cat([*slices, patches[..., 3 * size :]], -1).unflatten(2, (frames, -1))
    if not extra:
        return patches.flatten(2, 3)
    times = torch.arange(frames, device=x.device)
    columns = []
    for token in others.unbind(3):
        turned = _rotate(token[..., :size], times)
        columns.append(torch.cat([turned, token[..., size:]], -1).unsqueeze(3))
    return torch.cat([*columns, patches], 3).flatten(2, 3)


def _rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turn one slice `(B, heads, n, d)`; see the module `rope` for the published quirk."""
    half = x.shape[-1] // 2
    frequencies = 1.0 / BASE ** (torch.arange(half, dtype=x.dtype, device=x.device) / half)
    angles = (positions[:, None] * frequencies).repeat(1, 2)
    return x * angles.cos() + companion(x) * angles.sin()
