"""One token a frame: LeWorldModel in its official layout, and PLDM."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch.nn.functional import mse_loss

from jepa_wm_ros.training.criteria.criterion import Criterion, require_rollout
from jepa_wm_ros.training.inverse_dynamics import InverseDynamics
from jepa_wm_ros.training.next_embedding import Embeddings, embeddings, unrolled
from jepa_wm_ros.training.vicreg import vicreg_terms
from jepa_wm_ros.worldmodel.families.token_model import TokenWorldModel

if TYPE_CHECKING:
    from torch import Tensor, nn

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.training.loss_settings import VicRegSettings
    from jepa_wm_ros.training.settings import TrainingSettings
    from jepa_wm_ros.training.team import Team
    from jepa_wm_ros.worldmodel.families.pldm import RecurrentWorldModel


class EmbeddingCriterion(Criterion):
    """The error of predicted embeddings, with SIGReg or VICReg terms and inverse dynamics.

    Transformers predict under teacher forcing, recurrent predictors unroll the clip from its
    first frame, as their authors train them.
    """

    sections: ClassVar[tuple[str, ...]] = ('vicreg', 'inverse_dynamics')

    def __init__(self, model: nn.Module, settings: TrainingSettings, team: Team) -> None:
        """Build the inverse dynamics, where there are any; see `Criterion`."""
        super().__init__(model, settings, team)
        wanted = settings.inverse_dynamics
        self.inverse: InverseDynamics | None = None
        if wanted is not None:
            contract = cast('TokenWorldModel', model).contract
            newer_first = settings.vicreg is not None and settings.vicreg.variant == 'batch_first'
            self.inverse = InverseDynamics(
                _width(model), contract.action.dim, wanted.hidden, newer_first=newer_first
            )

    def check(self) -> None:
        """Refuse clips longer than a transformer's window."""
        if isinstance(self.model, TokenWorldModel):
            frames = self.model.architecture.predictor.frames
            require_rollout(self.settings, frames, 'architecture.predictor.frames')

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the prediction error and the terms that the settings give weight to."""
        found = self._embeddings(clip)
        terms = self.regularised({'prediction': found.error}, found.encoded[:, :, None], clip)
        vicreg = self.settings.vicreg
        if vicreg is not None:
            terms['vicreg'] = self._vicreg(found, vicreg)
        if self.inverse is not None:
            actions = cast('TokenWorldModel', self.model).normalise_action(clip.actions)
            guess = self.inverse(found.encoded[:, :-1], found.encoded[:, 1:])
            terms['inverse_dynamics'] = mse_loss(guess, actions)
        return terms

    def leading(self, terms: dict[str, Tensor]) -> Tensor:
        """Return VICReg's weighted sum, which has the prediction error in it, or that alone."""
        return terms.get('vicreg', terms['prediction'])

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum."""
        total = super().total(terms)
        if self.settings.inverse_dynamics is not None:
            total = total + self.settings.inverse_dynamics.weight * terms['inverse_dynamics']
        return total

    def _vicreg(self, found: Embeddings, settings: VicRegSettings) -> Tensor:
        """Return the weighted sum of VICReg's terms over all processes' clips.

        Variances and covariances are not for bfloat16: at least float32 is taken.
        """
        precise = torch.promote_types(found.encoded.dtype, torch.float32)
        with torch.autocast(found.encoded.device.type, enabled=False):
            encoded = self.team.gathered(found.encoded.to(precise))
            predicted = self.team.gathered(found.predicted.to(precise))
            return vicreg_terms(predicted, encoded, settings).total(settings)

    def _embeddings(self, clip: Clip) -> Embeddings:
        if isinstance(self.model, TokenWorldModel):
            return embeddings(self.model, clip.frames, clip.actions)
        return unrolled(cast('RecurrentWorldModel', self.model), clip.frames, clip.actions)


def _width(model: nn.Module) -> int:
    """Return the numbers in an embedding."""
    if isinstance(model, TokenWorldModel):
        return model.architecture.embed_dim
    return int(cast('RecurrentWorldModel', model).embed_dim)
