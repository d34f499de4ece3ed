"""The block of a vision transformer, with the options of the published encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention, silu

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.encoders.rotary import Rotation
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings


class Attention(nn.Module):
    """Every token looks at every token."""

    def __init__(self, settings: EncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.heads = settings.heads
        self.qkv = nn.Linear(settings.dim, 3 * settings.dim, bias=settings.qkv_bias)
        self.proj = nn.Linear(settings.dim, settings.dim)

    def forward(self, x: Tensor, rotation: Rotation | None) -> Tensor:
        """Attend over `(B, N, D)`, with queries and keys turned by their positions."""
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        if rotation is not None:
            query, key = rotation(query), rotation(key)
        seen = scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return mixed


class Mlp(nn.Module):
    """Linear, GELU (erf form), linear."""

    def __init__(self, dim: int, hidden: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to each token of `(B, N, D)`."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class SwiGlu(nn.Module):
    """Gated feed-forward part: out(silu(g) * v), where [g, v] is one linear map (2002.05202)."""

    def __init__(self, dim: int, hidden: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.gate = nn.Linear(dim, 2 * hidden)
        self.out = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to each token of `(B, N, D)`."""
        gate, value = self.gate(x).chunk(2, -1)
        out: Tensor = self.out(silu(gate) * value)
        return out


class Block(nn.Module):
    """x + s1 * attention(norm1(x)), then x + s2 * feed_forward(norm2(x))."""

    def __init__(self, settings: EncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        dim, eps = settings.dim, settings.norm_eps
        self.norm1 = nn.LayerNorm(dim, eps)
        self.attn = Attention(settings)
        self.norm2 = nn.LayerNorm(dim, eps)
        self.mlp = (Mlp if settings.feed_forward == 'mlp' else SwiGlu)(dim, settings.mlp)
        self.scale1 = nn.Parameter(torch.ones(dim)) if settings.layer_scale else None
        self.scale2 = nn.Parameter(torch.ones(dim)) if settings.layer_scale else None

    def forward(self, x: Tensor, rotation: Rotation | None) -> Tensor:
        """Apply to the tokens `(B, N, D)`."""
        change = self.attn(self.norm1(x), rotation)
        x = x + (change if self.scale1 is None else change * self.scale1)
        change = self.mlp(self.norm2(x))
        return x + (change if self.scale2 is None else change * self.scale2)
