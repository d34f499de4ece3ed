"""Patch tokens: JEPA-WM, DINO-WM and V-JEPA 2-AC."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, cast

from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.criteria.criterion import Criterion, require_rollout
from jepa_wm_ros.training.frame_losses import draw_prefix, frame_loss
from jepa_wm_ros.training.loss_settings import FrameLossSettings
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel


class PatchCriterion(Criterion):
    """Teacher forcing and roll-outs (`frame_loss`), and SIGReg for an encoder that is trained."""

    sections: ClassVar[tuple[str, ...]] = ('frames',)

    def check(self) -> None:
        """Refuse clips that do not fit the predictor's window or the roll-out."""
        loss = self.settings.frames or FrameLossSettings()
        most = self._model.predictor.settings.frames
        require_rollout(self.settings, most, 'architecture.predictor.frames')
        require(
            loss.window <= most,
            f'frames.window must be at most {most} (architecture.predictor.frames)',
        )
        require(
            loss.steps <= self.settings.rollout,
            f'frames.steps must be at most rollout {self.settings.rollout}, got {loss.steps}',
        )
        normalise = self._model.architecture.normalise
        self._loss = dataclasses.replace(loss, normalise=normalise)

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the prediction error, and the SIGReg statistic where it has weight."""
        model, loss = self._model, self._loss
        tokens = encoded(model, clip.frames, clip.proprio).tokens
        frames = Frames(tokens, self._states(clip.proprio))
        prefix = draw_prefix(tokens.shape[1], loss, clip.generator)
        error = frame_loss(
            model.predictor, frames, model.normalise_action(clip.actions), loss, (prefix,)
        )
        return self.regularised({'prediction': error}, tokens, clip)

    @property
    def _model(self) -> FrameWorldModel:
        return cast('FrameWorldModel', self.model)

    def _states(self, proprio: Tensor) -> Tensor | None:
        fields = len(self._model.contract.proprio.fields)
        return self._model.embed(proprio[..., :fields]) if fields else None
