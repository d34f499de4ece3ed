"""What a solver is made from: settings, and what follows from them for a model's actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jepa_wm_ros.planning.limits import make_space, momenta

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from jepa_wm_ros.planning.space import ActionSpace
    from jepa_wm_ros.worldmodel.contract import ActionContract
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings


ICEM_DECAY = 1.25
"""Of the paper of iCEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRules:
    """Planning settings, worked out for the actions of a model.

    Attributes:
        settings: Planning settings.
        space: What may be planned.
        momentum: Part of the old mean that is kept: one for all, or `(A,)`.
        std_momentum: Part of the old deviation that is kept, likewise.
    """

    settings: PlanningSettings
    space: ActionSpace
    momentum: Tensor | float
    std_momentum: Tensor | float

    @property
    def std_floor(self) -> Tensor:
        """Least deviation `(A,)`, physical units."""
        return self.settings.std_floor * self.space.half_range

    @property
    def decay(self) -> float:
        """By what factor each iteration of a search with elites draws fewer candidates."""
        usual = ICEM_DECAY if self.settings.solver == 'icem' else 1.0
        return usual if self.settings.sample_decay is None else self.settings.sample_decay

    @property
    def least_std(self) -> Tensor | None:
        """Deviations `(A,)` at which a search has converged; None for never."""
        stop = self.settings.stop_std
        return stop * self.space.half_range if stop else None


def make_rules(
    action: ActionContract, settings: PlanningSettings, device: torch.device | str = 'cpu'
) -> SearchRules:
    """Return the rules for a model's actions, with their tensors on a device.

    Raises:
        ActionSpaceError: The settings do not fit the actions.
    """
    mean, std = momenta(action, settings)
    return SearchRules(
        settings=settings,
        space=make_space(action, settings).to(device),
        momentum=mean if isinstance(mean, float) else mean.to(device),
        std_momentum=std if isinstance(std, float) else std.to(device),
    )
