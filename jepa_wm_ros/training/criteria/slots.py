"""Slots: Causal-JEPA."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.criteria.criterion import Criterion
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.loss_settings import SlotLossSettings
from jepa_wm_ros.training.mask_errors import slots_and_mask_error
from jepa_wm_ros.training.masked_slots import draw_hidden, draw_observed, masked_slot_loss
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

    With `slots.mask_weight` the slot encoder learns the masks of the dataset, with
    `slots.reconstruction` by painting the pictures. The slots are then constants to the predictor.
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
        least = self._loss.least_history or 1
        require(
            least <= architecture.predictor.history,
            f'slots.least_history must be at most {architecture.predictor.history} '
            f'(architecture.predictor.history), got {least}',
        )
        require(
            not (self._taught and self.settings.encoder.frozen),
            'slots.reconstruction and mask_weight train the encoder, and encoder.frozen says '
            'not to',
        )
        require(
            not (self._taught and self.settings.sigreg_weight),
            'sigreg_weight must be 0: slots learn from slots.reconstruction or mask_weight alone',
        )

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the errors of hidden, of future slots and of future states."""
        loss, predictor = self._loss, self._model.architecture.predictor
        slots, others = self._slots(clip)
        latent = encoded(self._model, slots, clip.proprio)
        hidden = draw_hidden(latent.tokens.shape[2], loss.most_hidden, clip.generator)
        observed = draw_observed(loss.least_history, predictor.history, clip.generator)
        unseen = predictor.history - observed
        found = masked_slot_loss(
            self._model,
            latent.map(lambda part: part[:, unseen:]),
            clip.actions[:, unseen:],
            hidden,
            matched=loss.matched,
        )
        terms = {
            'prediction': found.total,
            'history': found.history,
            'future': found.future,
            'proprio': found.proprio,
            **others,
        }
        return self.regularised(terms, latent.tokens, clip)

    def _slots(self, clip: Clip) -> tuple[Tensor, dict[str, Tensor]]:
        """Return slots `(B, T, N, D)`, and the errors of masks and painted pictures."""
        if clip.frames.ndim == 4:
            if self._taught:
                raise TrainingError(
                    'slots.reconstruction and slots.mask_weight need pictures: leave '
                    '--cache-features out'
                )
            return clip.frames, {}
        errors: dict[str, Tensor] = {}
        if self._loss.mask_weight:
            slots, errors['masks'] = slots_and_mask_error(self._model.encoder, clip)
        else:
            slots = self._model.encoder(clip.frames)
        if self.repainting is not None:
            errors['reconstruction'] = self.repainting(slots, clip)
        return slots.detach() if self._taught else slots, errors

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum."""
        total = super().total(terms)
        if self._loss.reconstruction is not None:
            total = total + self._loss.reconstruction.weight * terms['reconstruction']
        if self._loss.mask_weight:
            total = total + self._loss.mask_weight * terms['masks']
        return total

    def heads(self) -> dict[str, Decoder]:
        """Return the decoder, which shows what each slot stands for."""
        return {} if self.repainting is None else {'decoder': self.repainting.decoder}

    @property
    def _taught(self) -> bool:
        """Whether the slots learn from pictures or masks, not from what the predictor needs."""
        return self._loss.reconstruction is not None or self._loss.mask_weight > 0

    @property
    def _model(self) -> SlotWorldModel:
        return cast('SlotWorldModel', self.model)
