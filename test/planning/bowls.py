"""Problems with known answers, and noise that is given instead of drawn."""

from __future__ import annotations

import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.rules import SearchRules
from jepa_wm_ros.planning.space import ActionSpace
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

HORIZON, FIELDS = 3, 2


def unit_box(batch: int = 1, std: float = 1.0) -> ActionDistribution:
    """A start at 0 within -1 .. 1."""
    return ActionDistribution(
        mean=torch.zeros(batch, HORIZON, FIELDS),
        std=torch.full((batch, HORIZON, FIELDS), std),
        space=ActionSpace(lower=torch.full((FIELDS,), -1.0), upper=torch.full((FIELDS,), 1.0)),
    )


def rules(settings: PlanningSettings, lower: torch.Tensor, upper: torch.Tensor) -> SearchRules:
    """What a solver is made from, for actions without names."""
    std = settings.momentum if settings.std_momentum is None else settings.std_momentum
    space = ActionSpace(lower=lower, upper=upper)
    return SearchRules(
        settings=settings, space=space, momentum=settings.momentum, std_momentum=std
    )


def quadratic(target: torch.Tensor):
    """A bowl with its bottom at `target` `(B, H, A)`."""
    return lambda actions: (actions - target[:, None]).square().sum((-2, -1))


class GivenNoise:
    """Noise `(J, H, N, A)` from a file, one iteration a call."""

    def __init__(self, noise: torch.Tensor) -> None:
        self._iterations = iter(noise.transpose(1, 2))

    def __call__(self, shape, generator) -> torch.Tensor:
        noise = next(self._iterations)[None]
        assert noise.shape == shape
        return noise


class Spy:
    """A cost function that remembers what it was asked, and what it said."""

    def __init__(self, cost) -> None:
        self._cost = cost
        self.candidates: list[torch.Tensor] = []
        self.costs: list[torch.Tensor] = []

    def __call__(self, candidates: torch.Tensor) -> torch.Tensor:
        costs = self._cost(candidates)
        self.candidates.append(candidates.detach().clone())
        self.costs.append(costs.detach().clone())
        return costs


class FitSpy:
    """A fit that remembers the distributions that it made."""

    def __init__(self, fit) -> None:
        self._fit = fit
        self.made: list[ActionDistribution] = []

    def __call__(self, old, elites, costs) -> ActionDistribution:
        self.made.append(self._fit(old, elites, costs))
        return self.made[-1]
