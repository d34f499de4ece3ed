"""What losses of whole models have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.training.sigreg import random_directions, sigreg
from jepa_wm_ros.worldmodel.checks import require

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.training.settings import TrainingSettings
    from jepa_wm_ros.training.team import Team
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder

SECTIONS = ('frames', 'vicreg', 'inverse_dynamics', 'slots')


class CriterionError(JepaWmError):
    """The training settings do not fit the model."""


class Criterion(nn.Module, ABC):
    """A model and the networks that are trained beside it; called, it says what a clip costs.

    Attributes:
        sections: The parts of the training settings that are for this kind of model.
    """

    sections: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: nn.Module, settings: TrainingSettings, team: Team) -> None:
        """Check that the settings fit.

        Raises:
            CriterionError: There are parts that are for other kinds of model.
        """
        super().__init__()
        self.model, self.settings, self.team = model, settings, team
        for name in SECTIONS:
            if name not in self.sections and getattr(settings, name) is not None:
                accepted = ', '.join(self.sections) or 'none of these parts'
                raise CriterionError(
                    f'training.{name} is not for a {type(model).__name__}; it takes {accepted}'
                )
        try:
            self.check()
        except ValueError as error:
            raise CriterionError(f'training: {error}') from error

    def check(self) -> None:
        """Refuse settings that do not fit the model, with a ValueError."""

    def heads(self) -> dict[str, Decoder]:
        """Return heads that were trained along, and belong into the bundle, by name."""
        return {}

    @abstractmethod
    def terms(self, clip: Clip) -> dict[str, Tensor]:
        """Return the parts of the loss, not weighted; `prediction` is one of them."""

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum."""
        total = self.leading(terms)
        if 'sigreg' in terms:
            total = total + self.settings.sigreg_weight * terms['sigreg']
        return total

    def leading(self, terms: dict[str, Tensor]) -> Tensor:
        """Return what counts without a weight."""
        return terms['prediction']

    def forward(self, clip: Clip) -> dict[str, Tensor]:
        """Return the terms of a clip, and their weighted sum as `loss`."""
        terms = self.terms(clip)
        return {'loss': self.total(terms), **terms}

    def regularised(
        self, terms: dict[str, Tensor], tokens: Tensor, clip: Clip
    ) -> dict[str, Tensor]:
        """Add the SIGReg statistic of encoded tokens `(B, T, N, D)`, at each time and place."""
        if self.settings.sigreg_weight == 0:
            return terms
        directions = random_directions(
            tokens.shape[-1], self.settings.sigreg_directions, clip.generator
        )
        samples = tokens.flatten(1, 2).transpose(0, 1)
        return {**terms, 'sigreg': sigreg(samples, directions.to(tokens.device), self.team)}


def require_rollout(settings: TrainingSettings, most: int, what: str) -> None:
    """Refuse clips that are longer than a predictor can see."""
    require(
        settings.rollout <= most,
        f'rollout must be at most {most} ({what}), got {settings.rollout}',
    )
