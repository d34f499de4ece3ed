"""Slots: Causal-JEPA."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.criteria.criterion import Criterion
from jepa_wm_ros.training.loss_settings import SlotLossSettings
from jepa_wm_ros.training.masked_slots import draw_hidden, masked_slot_loss
from jepa_wm_ros.training.repainting import Repainting
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.slot_providers import GivenSlots

if TYPE_CHECKING:
    from torch import Tensor, nn

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.training.settings import TrainingSettings
    from jepa_wm_ros.training.team import Team
    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder


class SlotCriterion(Criterion):
    """Hidden slots of the past and all that comes after it (`masked_slot_loss`), and SIGReg.

    With `slots.reconstruction` the slot encoder learns by painting the pictures, and the
    predictor learns from slots that are constants to it.
    """

    sections: ClassVar[tuple[str, ...]] = ('slots',)

    def __init__(self, model: nn.Module, settings: TrainingSettings, team: Team) -> None:
        """Build the decoder, where there is one; see `Criterion`."""
        super().__init__(model, settings, team)
        self.repainting: Repainting | None = None
        if self._loss.reconstruction is not None:
            self.repainting = Repainting(self._model, self._loss.reconstruction)

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
            'architecture.encoder needs kind: slot_attention or mask_pooling',
        )
        self._loss = self.settings.slots or SlotLossSettings()
        require(
            self._loss.most_hidden <= architecture.slots,
            f'slots.most_hidden must be at most {architecture.slots} (architecture.slots)',
        )
        require(
            self._loss.reconstruction is None or not self.settings.encoder.frozen,
            'slots.reconstruction trains the encoder, and encoder.frozen says not to',
        )

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the errors of hidden, of future slots and of future states."""
        painted: dict[str, Tensor] = {}
        if self.repainting is None:
            latent = encoded(self._model, clip.frames, clip.proprio)
        else:
            slots, painted = self.repainting(self._model.encoder, clip)
            latent = encoded(self._model, slots.detach(), clip.proprio)
        hidden = draw_hidden(latent.tokens.shape[2], self._loss.most_hidden, clip.generator)
        found = masked_slot_loss(
            self._model, latent, clip.actions, hidden, matched=self._loss.matched
        )
        terms = {
            'prediction': found.total,
            'history': found.history,
            'future': found.future,
            'proprio': found.proprio,
            **painted,
        }
        return self.regularised(terms, latent.tokens, clip)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum."""
        total = super().total(terms)
        loss = self._loss.reconstruction
        if loss is None:
            return total
        total = total + loss.weight * terms['reconstruction']
        return total + loss.mask_weight * terms['masks'] if 'masks' in terms else total

    def heads(self) -> dict[str, Decoder]:
        """Return the decoder, which shows what each slot stands for."""
        return {} if self.repainting is None else {'decoder': self.repainting.decoder}

    @property
    def _model(self) -> SlotWorldModel:
        return cast('SlotWorldModel', self.model)
