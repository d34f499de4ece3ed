"""Losses of models with one token a frame: the next embeddings, under teacher forcing.

The predictor sees the encoded frames up to t and the actions that leave them, and says frame
t + 1, for all t of a clip at once. No gradient is stopped: what keeps the embeddings from
collapsing is SIGReg (LeWorldModel) or VICReg (PLDM).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn.functional import mse_loss

from jepa_wm_ros.training.sigreg import sigreg
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.pldm import RecurrentWorldModel
    from jepa_wm_ros.worldmodel.families.token_model import TokenWorldModel

SIGREG_WEIGHT = 0.09
"""Weight in the published code (the paper says 0.1)."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What a model makes of a clip.

    Attributes:
        encoded: `(B, T, D)`.
        predicted: `(B, T-1, D)`: what should equal frames 1 to T-1.
    """

    encoded: Tensor
    predicted: Tensor

    @property
    def error(self) -> Tensor:
        """Mean squared error of the predictions."""
        return mse_loss(self.predicted, self.encoded[:, 1:])


def embeddings(model: TokenWorldModel, images: Tensor, actions: Tensor) -> Embeddings:
    """Encode a clip and predict its frames.

    In train mode the projectors' BatchNorm sees all frames of all clips as its rows.

    Args:
        model: The model.
        images: `(B, T, 3, h, w)` normalised.
        actions: `(B, T-1, A)` physical units, or more; those that leave the last frame are unused.
    """
    encoded = model.encode(images).tokens
    steps = encoded.shape[1] - 1
    predicted = model.predict(Latent(encoded[:, :steps]), actions[:, :steps]).tokens
    return Embeddings(encoded[:, :, 0], predicted[:, :, 0])


def unrolled(model: RecurrentWorldModel, images: Tensor, actions: Tensor) -> Embeddings:
    """Encode a clip and predict all that follows its first frame, open loop.

    Arguments are those of `embeddings`.
    """
    encoded = model.encode(images).tokens
    no_past = actions.new_zeros(len(actions), 0, actions.shape[-1])
    predicted = model.rollout(Latent(encoded[:, :1]), no_past, actions[:, None]).tokens[:, 0]
    return Embeddings(encoded[:, :, 0], predicted[:, :, 0])


def sigreg_of(found: Embeddings, directions: Tensor) -> Tensor:
    """Return the SIGReg statistic of all encoded frames; `directions` as in `sigreg`."""
    return sigreg(found.encoded.transpose(0, 1), directions)
