"""What the model expects of the actions under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.surprise import prediction_error

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

SAME = 1e-4
"""Executed actions this near to the planned ones, relative to their size, count as them."""


@dataclass(slots=True)
class Expectation:
    """Actions executed since the last observation, and what should come of them.

    Attributes:
        context: The observations up to then, `(1, W, N, D)`.
        past_actions: `(1, W-1, A)`.
        planned: `(H, A)`, or None without a plan from that observation.
        predicted: Latents `(1, H, N, D)` along the plan.
        executed: Actions `(A,)` since then.
    """

    context: Latent
    past_actions: Tensor
    planned: Tensor | None = None
    predicted: Latent | None = None
    executed: list[Tensor] = field(default_factory=list)

    def error(self, model: WorldModel, observed: Latent) -> float | None:
        """Return how far an observation `(1, N, D)` lies from what was expected, or None."""
        if not self.executed:
            return None
        return prediction_error(observed, self._expected(model))

    def _expected(self, model: WorldModel) -> Latent:
        """Take it from the plan; where something else was executed, ask the model again."""
        actions, count = torch.stack(self.executed), len(self.executed)
        if self.planned is not None and self.predicted is not None:
            planned = self.planned[:count]
            near = planned.shape == actions.shape and torch.allclose(
                planned, actions, rtol=SAME, atol=SAME * float(self.planned.abs().max())
            )
            if near:
                return self.predicted.frame(count - 1)
        rolled = model.rollout(self.context, self.past_actions, actions[None, None])
        return rolled.map(lambda part: part[:, 0, -1])
