"""One transformer block, with or without a condition that modulates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.predictors.attention import Attention, KeysValues

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.rope import Rotary
    from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings


class Block(nn.Module):
    """x += gate * attention(norm(x)), then x += gate * MLP(norm(x)).

    A condition c gives shift, scale and gate of both branches in that order,
    (b1, s1, g1, b2, s2, g2) = W SiLU(c), and each branch reads (1 + s) * norm(x) + b (AdaLN: DiT,
    arXiv 2212.09748). Without a condition the gates are 1.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        """Build with random weights."""
        super().__init__()
        double = settings.norms == 'double'
        self.attention_norm = (
            nn.Identity() if settings.norms == 'mlp' else _norm(settings, plain=double)
        )
        self.attention_inner_norm = _norm(settings) if double else nn.Identity()
        self.attention = Attention(settings)
        self.mlp_norm = _norm(settings, plain=double)
        self.mlp_inner_norm = _norm(settings) if double else nn.Identity()
        self.mlp = Mlp(settings.dim, settings.mlp_dim, settings.dropout)
        self.dropout = nn.Dropout(settings.dropout)
        self.modulation = (
            nn.Linear(settings.condition_dim, 6 * settings.dim) if settings.condition_dim else None
        )

    def modulate(self, condition: Tensor) -> Tensor:
        """Return `(..., 6, D)`, what an activated condition `(..., C)` does to this block."""
        assert self.modulation is not None
        return self.modulation(condition).unflatten(-1, (6, -1))

    def forward(
        self,
        x: Tensor,
        modulation: Tensor | None = None,
        rotary: Rotary | None = None,
        past: KeysValues | None = None,
        asked: int | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """Process new frames `(B, T, N, D)`; arguments and results as in `Attention`.

        Args:
            x: `(B, T, N, D)`.
            modulation: `(B, T, 6, D)` of `modulate`, one for all tokens of a frame, or None.
            rotary: See `Attention`.
            past: See `Attention`.
            asked: See `Attention`.
        """
        shift, scale = _parts(modulation, 0, 2)
        read = self.attention_inner_norm(_modulate(self.attention_norm(x), shift, scale))
        result, seen = self.attention(read, rotary, past, asked)
        kept = slice(-result.shape[1], None)
        if modulation is not None:
            modulation = modulation[:, kept]
        gate, shift, scale, mlp_gate = _parts(modulation, 2, 6)
        x = _add(x[:, kept], self.dropout(result), gate)
        read = self.mlp_inner_norm(_modulate(self.mlp_norm(x), shift, scale))
        return _add(x, self.mlp(read), mlp_gate), seen


class Mlp(nn.Module):
    """Linear, GELU (erf form), linear."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        """Build with random weights."""
        super().__init__()
        self.inward = nn.Linear(dim, hidden)
        self.outward = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., D)` to `(..., D)`."""
        x = x.to(self.inward.weight.dtype)
        hidden = self.dropout(nn.functional.gelu(self.inward(x)))
        result: Tensor = self.dropout(self.outward(hidden))
        return result


def _norm(settings: TransformerSettings, plain: bool = False) -> nn.LayerNorm:
    if plain:
        return nn.LayerNorm(settings.dim, eps=settings.plain_eps, elementwise_affine=False)
    return nn.LayerNorm(settings.dim, eps=settings.norm_eps)


def _parts(modulation: Tensor | None, start: int, end: int) -> tuple[Tensor | None, ...]:
    """Return parts of `(B, T, 6, D)` as `(B, T, 1, D)`, which broadcast over the tokens."""
    if modulation is None:
        return (None,) * (end - start)
    return modulation[:, :, start:end, None].unbind(2)


def _modulate(x: Tensor, shift: Tensor | None, scale: Tensor | None) -> Tensor:
    if shift is None or scale is None:
        return x
    return torch.addcmul(shift, x, 1.0 + scale)


def _add(x: Tensor, change: Tensor, gate: Tensor | None) -> Tensor:
    return x + change if gate is None else torch.addcmul(x, gate, change)
