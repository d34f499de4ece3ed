"""What other motions would have cost: a slice through the energy landscape of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.planning.space import ActionSpace
    from jepa_wm_ros.planning.thought import Thought


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CostSlice:
    """Costs of translations that are the same in each step.

    Attributes:
        costs: `(G, G)`, first axis first; all other fields are as planned (their mean).
        axes: `(2, G)` total translation over the horizon, by axis [m].
        planned: `(2,)` total translation of the plan [m].
    """

    costs: NDArray[np.float64]
    axes: NDArray[np.float64]
    planned: NDArray[np.float64]


@torch.inference_mode()
def cost_slice(thought: Thought, points: int = 15, fields: tuple[int, int] = (0, 1)) -> CostSlice:
    """Judge constant motions in a plane around a plan.

    Args:
        thought: The plan.
        points: G, on each axis.
        fields: Which two of an action's fields span the plane: 0, 1, 2 for x, y, z.
    """
    planned = torch.as_tensor(thought.plan.actions, dtype=torch.float32)
    planned = planned.to(thought.question.goal.tokens.device)
    horizon, (first, second) = len(planned), fields
    rows, columns = (_spaced(thought.space, field, points) for field in fields)
    pairs = torch.cartesian_prod(rows, columns)
    actions = planned.mean(0).expand(len(pairs), horizon, -1).clone()
    actions[..., first], actions[..., second] = pairs[:, :1], pairs[:, 1:]
    costs = thought.judge(thought.question)(actions[None])[0]
    return CostSlice(
        costs=costs.reshape(points, points).double().cpu().numpy(),
        axes=horizon * torch.stack([rows, columns]).double().cpu().numpy(),
        planned=planned[:, [first, second]].sum(0).double().cpu().numpy(),
    )


def _spaced(space: ActionSpace, field: int, points: int) -> Tensor:
    low, high = float(space.lower[field]), float(space.upper[field])
    return torch.linspace(low, high, points, device=space.lower.device)
