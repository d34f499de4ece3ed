"""The loss of LeWorldModel: next embeddings along an open-loop rollout, and SIGReg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.training.sigreg import sigreg
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel


@dataclass(frozen=True, slots=True)
class LossTerms:
    """The parts of the loss; `prediction` and `sigreg` are not weighted.

    Attributes:
        prediction: Mean squared error of the predicted embeddings.
        sigreg: SIGReg statistic of the encoded embeddings.
    """

    prediction: Tensor
    sigreg: Tensor


def lewm_loss(
    model: LeWorldModel, images: Tensor, actions: Tensor, directions: Tensor
) -> LossTerms:
    """Encode a clip, predict it from its first frame, and compare.

    No gradient is stopped: encoder and predictor meet each other half-way, and SIGReg keeps them
    from agreeing on nothing.

    Args:
        model: In train mode.
        images: `(B, T, 3, h, w)` normalised.
        actions: `(B, T-1, A)` physical units.
        directions: `(D, M)` for SIGReg.
    """
    tokens = model.encode(images).tokens  # (B, T, 1, D)
    context = Latent(tokens=tokens[:, :1])
    no_past = actions.new_zeros(len(actions), 0, actions.shape[-1])
    predicted = model.rollout(context, no_past, actions[:, None]).tokens[:, 0]
    return LossTerms(
        prediction=torch.nn.functional.mse_loss(predicted, tokens[:, 1:]),
        sigreg=sigreg(tokens[:, :, 0].transpose(0, 1), directions),
    )
