"""LeWorldModel in its small layout: an open-loop roll-out, SIGReg, and a readout."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from jepa_wm_ros.training.criteria.criterion import Criterion
from jepa_wm_ros.training.losses import lewm_loss
from jepa_wm_ros.training.sigreg import random_directions

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel


class SmallCriterion(Criterion):
    """See `lewm_loss`."""

    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return prediction error, SIGReg statistic and readout error."""
        model = cast('LeWorldModel', self.model)
        directions = random_directions(
            model.encoder.head.out_features, self.settings.sigreg_directions, clip.generator
        )
        parts = lewm_loss(
            model,
            clip.frames,
            clip.actions,
            clip.proprio,
            directions.to(clip.frames.device),
            self.team,
        )
        return {
            'prediction': parts.prediction,
            'sigreg': parts.sigreg,
            'readout': parts.readout,
        }

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum."""
        return super().total(terms) + self.settings.readout_weight * terms['readout']
