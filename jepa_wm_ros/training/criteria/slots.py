"""Slots: Causal-JEPA."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.criteria.criterion import Criterion
from jepa_wm_ros.training.loss_settings import SlotLossSettings
from jepa_wm_ros.training.masked_slots import draw_hidden, masked_slot_loss
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.slot_providers import GivenSlots

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel


class SlotCriterion(Criterion):
    """Hidden slots of the past and all that comes after it (`masked_slot_loss`), and SIGReg."""

    sections: ClassVar[tuple[str, ...]] = ('slots',)

    def check(self) -> None:
        """Refuse clips of another length than the window, and models that have no slots."""
        architecture = self._model.architecture
        wanted = architecture.predictor.frames - 1
        require(
            self.settings.rollout == wanted,
            f'rollout must be {wanted} (architecture.predictor: history + future - 1), '
            f'got {self.settings.rollout}',
        )
        require(
            not isinstance(self._model.encoder, GivenSlots),
            'the model is given its slots, which a dataset of pictures does not have: '
            'architecture.encoder needs kind: slot_attention',
        )
        loss = self.settings.slots or SlotLossSettings()
        require(
            loss.most_hidden <= architecture.slots,
            f'slots.most_hidden must be at most {architecture.slots} (architecture.slots)',
        )
        self._loss = loss

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the errors of hidden, of future slots and of future states."""
        latent = encoded(self._model, clip.frames, clip.proprio)
        hidden = draw_hidden(latent.tokens.shape[2], self._loss.most_hidden, clip.generator)
        found = masked_slot_loss(
            self._model, latent, clip.actions, hidden, matched=self._loss.matched
        )
        terms = {
            'prediction': found.total,
            'history': found.history,
            'future': found.future,
            'proprio': found.proprio,
        }
        return self.regularised(terms, latent.tokens, clip)

    @property
    def _model(self) -> SlotWorldModel:
        return cast('SlotWorldModel', self.model)
