"""Multi-head attention over the frames of a window, which can continue from cached frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, scaled_dot_product_attention

from jepa_wm_ros.worldmodel.predictors.masks import frame_causal

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.rope import Rotary
    from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings

DENSE_TOKENS = 128
"""Up to so many queries a dense mask is cheaper than one product for each frame."""
ALIGNMENT = 8
"""Fused attention kernels take heads whose numbers are a multiple of this."""
ALIGNED_DEVICES = ('cuda',)
"""Where other heads would fall back to a kernel that writes all scores to memory."""


@dataclass(frozen=True, slots=True)
class KeysValues:
    """What later frames need of earlier ones in one block.

    Attributes:
        keys: `(B, heads, n, head_dim)`, with their positions.
        values: `(B, heads, n, head_dim)`.
    """

    keys: Tensor
    values: Tensor

    def followed_by(self, other: KeysValues) -> KeysValues:
        """Return this and then `other`, whose batch may be a multiple of this one's.

        Candidates of one problem share what came before: entry b of this belongs to the entries
        b * S .. (b + 1) * S - 1 of the other.
        """
        return KeysValues(_append(self.keys, other.keys), _append(self.values, other.values))

    def alone(self) -> KeysValues:
        """Return them in memory of their own: a view would keep the queries beside them alive."""
        return KeysValues(self.keys.contiguous(), self.values.contiguous())


class Projection(nn.Linear):
    """Queries, keys and values by one matrix; frames that nobody asks about get no queries."""

    def forward(self, x: Tensor, asked: int) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Project frames `(B, T, N, D)`.

        Args:
            x: New frames.
            asked: How many of them, from the last, want queries.

        Returns:
            Queries `(B, asked, N, inner)`, and keys and values `(B, T, N, 2 * inner)`.
        """
        x = x.to(self.weight.dtype)
        inner = self.out_features // 3
        if asked == x.shape[1]:
            whole = super().forward(x)
            return whole[..., :inner], whole[..., inner:]
        queries, others = (
            linear(part, self.weight[chosen], None if self.bias is None else self.bias[chosen])
            for part, chosen in ((newest(x, asked), slice(inner)), (x, slice(inner, None)))
        )
        return queries, others


class Attention(nn.Module):
    """Attention with one product for queries, keys and values, and one for the result."""

    def __init__(self, settings: TransformerSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.heads, self.tokens = settings.heads, settings.tokens
        self.inner = settings.heads * settings.head_dim
        self.causal = settings.mask == 'frame_causal'
        self.dropout = settings.dropout
        self.qkv = Projection(settings.dim, 3 * self.inner, bias=settings.qkv_bias)
        self.out = nn.Linear(self.inner, settings.dim)

    def forward(
        self,
        x: Tensor,
        rotary: Rotary | None = None,
        past: KeysValues | None = None,
        asked: int | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """Attend from new frames to themselves and to cached ones.

        Args:
            x: `(B, T, N, D)` new frames, normalised.
            rotary: Turns queries and keys; None for positions that are in `x`.
            past: Keys and values of the frames before, of batch B or a divisor of it.
            asked: How many of the new frames, from the last, want a result; None for all.

        Returns:
            The result `(B, asked, N, D)`, and keys and values of past and new frames.
        """
        frames, tokens = x.shape[1], x.shape[2]
        first = 0 if past is None else past.keys.shape[2] // tokens
        asked = frames if asked is None else asked
        # A token that sees itself alone gets its own value, whatever its query.
        alone = self.causal and tokens == 1 and past is None and asked == frames
        searching = asked - 1 if alone else asked
        queries, new = self._project(x, searching)
        if rotary is not None:
            queries = rotary(queries, first + frames - searching)
            new = KeysValues(rotary(new.keys, first), new.values)
        seen = new if past is None else past.followed_by(new)
        result = self._attend(queries, seen, searching, tokens) if searching else queries
        if alone:
            result = torch.cat((new.values[:, :, :1], result), 2)
        merged = result.transpose(1, 2).reshape(x.shape[0], asked, tokens, self.inner)
        return self.out(merged), seen

    def _project(self, x: Tensor, asked: int) -> tuple[Tensor, KeysValues]:
        queries, others = self.qkv(x, asked)
        keys, values = self._heads(others, 2)
        return self._heads(queries, 1)[0], KeysValues(keys, values)

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Split `(B, T, N, parts * inner)` into parts of `(B, heads, T * N, head_dim)`."""
        split = x.flatten(1, 2).unflatten(-1, (parts, self.heads, -1))
        return split.permute(2, 0, 3, 1, 4).unbind(0)

    def _attend(self, queries: Tensor, seen: KeysValues, asked: int, tokens: int) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        if not self.causal or asked == 1:
            return _attention(queries, seen, dropout=dropout)
        before = seen.keys.shape[2] // tokens - asked
        if asked * tokens <= DENSE_TOKENS:
            mask = frame_causal(asked, tokens, before, queries.device)
            return _attention(queries, seen, mask, dropout)
        # Frame by frame no key is multiplied that the mask would hide, and no mask is kept.
        results = []
        for i, query in enumerate(queries.split(tokens, 2)):
            end = (before + i + 1) * tokens
            part = KeysValues(seen.keys[:, :, :end], seen.values[:, :, :end])
            results.append(_attention(query, part, dropout=dropout))
        return torch.cat(results, 2)


def newest(x: Tensor, count: int) -> Tensor:
    """Return the last `count` frames of `(B, T, ...)`, none for 0."""
    return x[:, x.shape[1] - count :]


def _attention(
    queries: Tensor, seen: KeysValues, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """Return softmax(q k^T / sqrt(head_dim)) v, with heads filled up by zeros where it pays."""
    size = queries.shape[-1]
    missing = -size % ALIGNMENT if queries.device.type in ALIGNED_DEVICES else 0
    keys, values = seen.keys, seen.values
    if missing:
        queries, keys, values = (pad(part, (0, missing)) for part in (queries, keys, values))
    result = scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, dropout_p=dropout, scale=size**-0.5
    )
    return result[..., :size]


def _append(shared: Tensor, own: Tensor) -> Tensor:
    """Concatenate along the tokens, repeating `shared` over the candidates of each problem."""
    problems = shared.shape[0]
    if problems == own.shape[0]:
        return torch.cat((shared, own), 2)
    grouped = own.unflatten(0, (problems, -1))
    repeated = shared[:, None].expand(-1, grouped.shape[1], -1, -1, -1)
    return torch.cat((repeated, grouped), 3).flatten(0, 1)
