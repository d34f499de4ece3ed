"""Rotary positions over time, rows and columns, as the published weights learned them.

A head's numbers are cut into three slices of d = 2 * ((head_dim // 3) // 2) for time, row and
column; what remains is not rotated. A slice x at position p becomes

    y = x * cos(p w) + r(x) * sin(p w),    w_k = 10000^(-k / (d / 2)),  k = 0 .. d/2 - 1

where r(x) = (-x1, x0, -x3, x2, ...) pairs neighbours, but the tables of cos and sin are tiled,
(w_0 .. w_{d/2-1}, w_0 .. w_{d/2-1}), so that the two numbers of a pair turn by different angles.
This is no rotation: norms change, and scores depend on absolute positions. Weights of V-JEPA 2
and of JEPA-WM were trained with it and need exactly this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10000.0


def frequencies(size: int) -> Tensor:
    """Return the `(size / 2,)` angular frequencies of a slice of `size` numbers (even)."""
    # The device is named so that a model built on the meta device has real tables.
    half = torch.arange(size // 2, dtype=torch.float32, device='cpu')
    return 1.0 / BASE ** (half / (size / 2.0))


def angles(positions: Tensor, size: int) -> Tensor:
    """Return the tiled angles `(n, size)` [rad] of positions `(n,)`."""
    return (positions[:, None] * frequencies(size)).repeat(1, 2)


def companion(x: Tensor) -> Tensor:
    """Return r(x): neighbours of the last dimension swapped, the first of each negated."""
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((-odd, even), -1).flatten(-2)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn `x (..., n, d)` by the tables `(n, d)`."""
    return x * cos + companion(x) * sin


class Rotary(nn.Module):
    """Tables of cos and sin for every token of a window.

    Extra tokens of a frame know the time only; patches know row and column too.
    """

    def __init__(self, head_dim: int, frames: int, grid: tuple[int, int], extra: int = 0) -> None:
        """Fill the tables `(frames * tokens, rotated numbers of a head)`."""
        super().__init__()
        self.tokens = extra + grid[0] * grid[1]
        size = 2 * ((head_dim // 3) // 2)
        self.rotated = 3 * size
        table = torch.zeros(frames, self.tokens, self.rotated, device='cpu')
        rows, columns = torch.meshgrid(
            *(torch.arange(n, dtype=torch.float32, device='cpu') for n in grid), indexing='ij'
        )
        times = torch.arange(frames, dtype=torch.float32, device='cpu')
        table[:, :, :size] = angles(times, size)[:, None]
        table[:, extra:, size : 2 * size] = angles(rows.flatten(), size)
        table[:, extra:, 2 * size :] = angles(columns.flatten(), size)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer('cos', table.flatten(0, 1).cos(), persistent=False)
        self.register_buffer('sin', table.flatten(0, 1).sin(), persistent=False)

    def forward(self, x: Tensor, first: int) -> Tensor:
        """Turn queries or keys `(B, heads, n, head_dim)` whose first token is in frame `first`."""
        start = first * self.tokens
        chosen = slice(start, start + x.shape[-2])
        turned = rotate(x[..., : self.rotated], self.cos[chosen], self.sin[chosen])
        return torch.cat((turned.to(x.dtype), x[..., self.rotated :]), -1)
