"""What a model would do to get from one picture to the next: planning as inverse dynamics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.players import override_planning
from jepa_wm_ros.planning.policy import Policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

LEAST_SEARCH = {'samples': 256, 'iterations': 8}
"""More than in a control loop: nobody waits, and each move counts."""


class InverseError(JepaWmError):
    """A model cannot say what happened between two pictures."""


@dataclass(frozen=True, slots=True, eq=False)
class InverseAction:
    """What a model would have done between two observations.

    Attributes:
        action: `(7,)` in physical units.
        explained: Part of the latent distance that it covers: 1 all of it, 0 none.
    """

    action: NDArray[np.float64]
    explained: float


class InversePlanner:
    """Plans one step from observation to observation, each pair as if it were the first.

    Args:
        model: A world model of an arm.
        seed: Of the sampling.

    Raises:
        InverseError: The model moves the flange along fewer than two axes.
    """

    def __init__(self, model: WorldModel, seed: int = 0) -> None:
        action, own = model.contract.action, model.contract.planning
        free = [high > low for low, high in zip(action.lower[:3], action.upper[:3], strict=True)]
        if sum(free) < 2:
            raise InverseError(
                f'{model.contract.name} moves the flange along {sum(free)} of 3 axes; a rotation '
                'can only be seen in two or more'
            )
        search = {name: max(least, getattr(own, name)) for name, least in LEAST_SEARCH.items()}
        settings = override_planning(own, {'horizon': 1, 'executed_steps': 1, **search})
        self._policy = Policy(model, settings, seed)
        self.reach_m = float(min(u for u, f in zip(action.upper[:3], free, strict=True) if f))

    def between(self, before: Latent, after: Latent) -> InverseAction:
        """Return what leads from one observation, tokens `(1, N, D)`, to another."""
        self._policy.reset()
        plan = self._policy.plan(before, after, deadline_s=math.inf)
        away = plan.cost_noop if math.isfinite(plan.cost_noop) else plan.cost_now
        explained = 1.0 - plan.cost / away if away > 0.0 else 0.0
        return InverseAction(plan.actions[0], explained)
