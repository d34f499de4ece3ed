"""VICReg and what PLDM adds along time: keep embeddings spread out and their numbers independent.

PLDM (arXiv 2502.14819) predicts the next embedding and prevents collapse with variance and
covariance terms, in the batch and along time. Two published implementations differ in which frames
they look at; `official_terms` follows vladisai/PLDM, `batch_first_terms` stable-worldmodel.

For n samples z of D numbers:

    spread      mean_d max(0, margin - sqrt(var_d + 1e-4))
    covariance  sum_{d != e} Cov_de^2 / (D (D - 1))
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, mse_loss, relu

from jepa_wm_ros.training.loss_settings import VicRegSettings

EPSILON = 1e-4


@dataclass(frozen=True, slots=True)
class VicRegTerms:
    """The terms, not weighted; the names are those of `VicRegSettings`."""

    similarity: Tensor
    spread: Tensor
    covariance: Tensor
    spread_time: Tensor
    covariance_time: Tensor
    similarity_time: Tensor

    def total(self, settings: VicRegSettings) -> Tensor:
        """Return the weighted sum."""
        return (
            settings.similarity * self.similarity
            + settings.spread * self.spread
            + settings.covariance * self.covariance
            + settings.spread_time * self.spread_time
            + settings.covariance_time * self.covariance_time
            + settings.similarity_time * self.similarity_time
        )


def spread_loss(samples: Tensor, dim: int, margin: float = 1.0) -> Tensor:
    """Return the hinge on the standard deviation along `dim`, averaged over all the rest."""
    return relu(margin - (samples.var(dim) + EPSILON).sqrt()).mean()


def covariance_loss(samples: Tensor, *, pairs: bool = True, centred: bool = True) -> Tensor:
    """Return the covariance term, averaged over the leading dimensions.

    Args:
        samples: `(..., n, D)`.
        pairs: Whether to divide by D (D - 1) instead of D.
        centred: Whether the mean of the n samples is taken off first.
    """
    count, dim = samples.shape[-2:]
    if centred:
        samples = samples - samples.mean(-2, keepdim=True)
    covariance = samples.mT @ samples / (count - 1)
    squares = covariance.square().sum((-2, -1))
    diagonal = covariance.diagonal(dim1=-2, dim2=-1).square().sum(-1)
    return ((squares - diagonal) / (dim * (dim - 1) if pairs else dim)).mean()


def straightening_loss(embeddings: Tensor) -> Tensor:
    """Return minus the mean cosine of consecutive velocities of `(B, T, D)`: -1 is a line."""
    velocity = embeddings.diff(dim=1)
    return -cosine_similarity(velocity[:, 1:], velocity[:, :-1], dim=-1).mean()


def official_terms(
    predicted: Tensor, encoded: Tensor, settings: VicRegSettings | None = None
) -> VicRegTerms:
    """Return PLDM's terms as its authors compute them.

    The batch terms see the first frame alone, the time terms the later ones. No gradient is
    stopped.

    Args:
        predicted: `(T, B, D)` or feature maps `(T, B, C, h, w)`; frame 0 is not compared.
        encoded: The same shape.
        settings: Which terms, and their margins; the default takes the prediction error alone.
    """
    settings = settings or VicRegSettings()
    zero = encoded.new_zeros(())
    flat = encoded.flatten(2)
    rows = _by_position(encoded) if settings.per_position else flat[None]
    first, later = flat[0], flat[1:]
    return VicRegTerms(
        similarity=mse_loss(predicted[1:], encoded[1:]),
        spread=spread_loss(first, 0, settings.margin) if settings.spread else zero,
        covariance=covariance_loss(rows[:, 0], pairs=settings.pairs)
        if settings.covariance
        else zero,
        spread_time=spread_loss(later, 0, settings.margin_time) if settings.spread_time else zero,
        covariance_time=covariance_loss(rows[:, 1:].transpose(1, 2), pairs=settings.pairs)
        if settings.covariance_time
        else zero,
        similarity_time=mse_loss(flat[1:], flat[:-1]) if settings.similarity_time else zero,
    )


def vicreg_terms(predicted: Tensor, encoded: Tensor, settings: VicRegSettings) -> VicRegTerms:
    """Return the terms of the variant that is asked for.

    Args:
        predicted: `(B, T-1, D)`: what follows frames 0 to T-2.
        encoded: `(B, T, D)`.
        settings: Which variant, which terms, and their margins.
    """
    if settings.variant == 'batch_first':
        return batch_first_terms(predicted, encoded)
    whole = torch.cat([encoded[:, :1], predicted], 1)
    return official_terms(whole.transpose(0, 1), encoded.transpose(0, 1), settings)


def batch_first_terms(predicted: Tensor, encoded: Tensor) -> VicRegTerms:
    """Return PLDM's terms as stable-worldmodel computes them.

    The batch terms see every frame. The time terms see each sample with the batch's mean taken
    off; the covariance along time is not centred again.

    Args:
        predicted: `(B, T-1, D)`: what follows frames 0 to T-2.
        encoded: `(B, T, D)`.
    """
    moved = encoded - encoded.mean(0)
    return VicRegTerms(
        similarity=mse_loss(predicted, encoded[:, 1:]),
        spread=spread_loss(encoded, 0),
        covariance=covariance_loss(encoded.transpose(0, 1)),
        spread_time=spread_loss(moved, 1),
        covariance_time=covariance_loss(moved, centred=False),
        similarity_time=mse_loss(encoded[:, 1:], encoded[:, :-1]),
    )


def _by_position(maps: Tensor) -> Tensor:
    """Turn feature maps `(T, B, C, h, w)` into channel vectors `(h w, T, B, C)`."""
    return torch.movedim(maps.flatten(3), 3, 0)
