"""SIGReg: pull embeddings towards an isotropic Gaussian (LeJEPA; LeWorldModel, arXiv 2603.19312).

Along random directions the embeddings' empirical characteristic function is compared with that of
a standard normal (the Epps-Pulley statistic). For B samples x and knots t with weights w:

    stat = B * sum_k w_k phi(t_k) |mean_b exp(i t_k x_b) - phi(t_k)|^2,   phi(t) = exp(-t^2 / 2)
"""

from __future__ import annotations

import torch
from torch import Tensor

from jepa_wm_ros.training.team import ALONE, Team

KNOTS = 17
KNOT_RANGE = 3.0
NULL_EXPECTATION = 1.0525
"""Value for embeddings that are Gaussian already, whatever the batch size."""


def random_directions(dim: int, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw `count` directions in `dim` dimensions: `(dim, count)`, columns of length 1."""
    return torch.nn.functional.normalize(torch.randn(dim, count, generator=generator), dim=0)


def sigreg(embeddings: Tensor, directions: Tensor, team: Team = ALONE) -> Tensor:
    """Return the statistic, averaged over directions and time steps, in the directions' precision.

    Args:
        embeddings: `(T, B, D)`. The statistic is taken over the batch at each time step, because
            the frames of one clip are not independent.
        directions: `(D, M)` of unit columns; draw them afresh for each training step, the same
            in all processes.
        team: Who has the rest of the batch: the statistic is that of all samples, B in all.

    Returns:
        A scalar. About 1.05 for standard normal embeddings, 0.4 B when they have collapsed.
    """
    knots = torch.linspace(
        0.0, KNOT_RANGE, KNOTS, dtype=directions.dtype, device=directions.device
    )
    spacing = KNOT_RANGE / (KNOTS - 1)
    weights = torch.full_like(knots, 2 * spacing)  # doubled: the integrand is even in t
    weights[[0, -1]] = spacing
    target = torch.exp(-knots.square() / 2)
    with torch.autocast(embeddings.device.type, enabled=False):
        projected = embeddings.to(directions.dtype) @ directions  # (T, B, M)
        phase = projected[..., None] * knots  # (T, B, M, K)
        cosine, sine = team.mean(phase.cos().mean(1)), team.mean(phase.sin().mean(1))
        error = (cosine - target).square() + sine.square()
        return embeddings.shape[1] * team.size * (error @ (weights * target)).mean()
