"""The loss of LeWorldModel: next embeddings along an open-loop rollout, SIGReg, and a readout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.training.sigreg import sigreg
from jepa_wm_ros.training.team import ALONE, Team
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel


@dataclass(frozen=True, slots=True)
class LossTerms:
    """The parts of the loss, not weighted.

    Attributes:
        prediction: Mean squared error of the predicted embeddings.
        sigreg: SIGReg statistic of the encoded embeddings.
        readout: Mean squared error of the readout, of encoded and of predicted embeddings; 0 for
            a model without one.
    """

    prediction: Tensor
    sigreg: Tensor
    readout: Tensor


def lewm_loss(
    model: LeWorldModel,
    images: Tensor,
    actions: Tensor,
    proprio: Tensor,
    directions: Tensor,
    team: Team = ALONE,
) -> LossTerms:
    """Encode a clip, predict it from its first frame, and compare.

    No gradient is stopped: encoder and predictor meet each other half-way, and SIGReg keeps them
    from agreeing on nothing.

    Args:
        model: In train mode.
        images: `(B, T, 3, h, w)` normalised.
        actions: `(B, T-1, A)` physical units.
        proprio: `(B, T, P)` physical units; it begins with the fields of the readout.
        directions: `(D, M)` for SIGReg.
        team: Who has the rest of the batch.
    """
    encoded = model.encode(images)
    tokens = encoded.tokens  # (B, T, 1, D)
    no_past = actions.new_zeros(len(actions), 0, actions.shape[-1])
    rollout = model.rollout(Latent(tokens[:, :1]), no_past, actions[:, None])
    predicted = rollout.map(lambda part: part[:, 0])
    return LossTerms(
        prediction=torch.nn.functional.mse_loss(predicted.tokens, tokens[:, 1:]),
        sigreg=sigreg(tokens[:, :, 0].transpose(0, 1), directions, team),
        readout=_readout_error(model, encoded, predicted, proprio),
    )


def _readout_error(
    model: LeWorldModel, encoded: Latent, predicted: Latent, proprio: Tensor
) -> Tensor:
    if encoded.proprio is None or predicted.proprio is None:
        return encoded.tokens.new_zeros(())
    settings = model.readout_settings
    mean, std = proprio.new_tensor(settings.mean), proprio.new_tensor(settings.std)
    truth = (proprio[..., : len(settings.fields)] - mean) / std
    error = torch.nn.functional.mse_loss(encoded.proprio, truth)
    return error + torch.nn.functional.mse_loss(predicted.proprio, truth[:, 1:])
