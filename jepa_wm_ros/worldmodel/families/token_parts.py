"""What models with one token a frame have beside an encoder and a transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Projector(nn.Module):
    """Linear, BatchNorm, GELU, linear: ends a network without pinning the norm of what it says.

    An encoder that ends with a LayerNorm could not reach the isotropic Gaussian that SIGReg asks
    for (LeWorldModel, arXiv 2603.19312). In training the statistics are those of the batch: all
    frames of all clips are its rows.
    """

    def __init__(self, dim: int, hidden: int, out: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.inward = nn.Linear(dim, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.outward = nn.Linear(hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., D)` to `(..., out)`."""
        rows = self.norm(self.inward(x.flatten(0, -2)))
        result: Tensor = self.outward(nn.functional.gelu(rows))
        return result.unflatten(0, x.shape[:-1])


class ActionEmbedder(nn.Module):
    """Linear to few numbers, then an MLP; and to the width of the predictor, where that differs.

    The first layer mixes the controls of a step (published as a convolution of one tap).
    """

    def __init__(self, action_dim: int, smoothed: int, dim: int, width: int) -> None:
        """Build with random weights.

        Args:
            action_dim: Numbers in an action.
            smoothed: Numbers after the first layer.
            dim: Numbers in an embedded action.
            width: Width of the stream that it is to modulate.
        """
        super().__init__()
        self.smooth = nn.Linear(action_dim, smoothed)
        self.inward = nn.Linear(smoothed, 4 * dim)
        self.outward = nn.Linear(4 * dim, dim)
        self.widen = nn.Linear(dim, width) if width != dim else nn.Identity()

    def embed(self, actions: Tensor) -> Tensor:
        """Return `(..., dim)` for normalised actions `(..., A)`."""
        embedded: Tensor = self.outward(nn.functional.silu(self.inward(self.smooth(actions))))
        return embedded

    def forward(self, actions: Tensor) -> Tensor:
        """Return `(..., width)` for normalised actions `(..., A)`."""
        condition: Tensor = self.widen(self.embed(actions))
        return condition


class Outward(nn.Module):
    """From the predictor's stream back to embeddings: its width first, then a `Projector`."""

    def __init__(self, width: int, dim: int, hidden: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.narrow = nn.Linear(width, dim) if width != dim else nn.Identity()
        self.projector = Projector(dim, hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., width)` to `(..., D)`."""
        result: Tensor = self.projector(self.narrow(x))
        return result
