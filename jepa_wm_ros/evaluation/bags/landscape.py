"""Energy landscapes: what constant translations cost, around what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.planning.judge import Judge
    from jepa_wm_ros.planning.space import ActionSpace

PLANES = {'xy': (0, 1), 'xz': (0, 2)}
"""Which two translations each plane shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Costs of translations that are the same in each step.

    Attributes:
        axes: For each plane, the total translation [m] along its two axes, `(2, G)`.
        slices: For each plane `(G, G)`, first axis first: all else is as it was done (its mean).
        axes_grid: Total translations of the grid [m], `(3, g)`.
        projections: For each plane `(g, g)`: the least cost over the third translation, without
            rotation and gripper.
    """

    axes: dict[str, NDArray[np.float32]]
    slices: dict[str, NDArray[np.float32]]
    axes_grid: NDArray[np.float32]
    projections: dict[str, NDArray[np.float32]]


def constant_grid(space: ActionSpace, settings: BagEvalSettings) -> Tensor:
    """Return the candidates `(g^3, H, A)` of the grid, x slowest, z fastest."""
    x, y, z = (_spaced(space, field, settings.grid) for field in range(3))
    points = torch.cartesian_prod(x, y, z)
    actions = points.new_zeros(len(points), settings.horizon, len(space.lower))
    actions[..., :3] = points[:, None]
    return actions


def landscape(
    judge: Judge, space: ActionSpace, executed: NDArray[np.float64], settings: BagEvalSettings
) -> Landscape:
    """Compute the landscape of one window.

    Args:
        judge: Costs of candidates.
        space: Bounds.
        executed: `(H, A)`.
        settings: Points on the axes.
    """
    mean = torch.as_tensor(executed.mean(0), dtype=torch.float32, device=space.lower.device)
    axes, slices = {}, {}
    for name, (first, second) in PLANES.items():
        rows, columns = (_spaced(space, f, settings.slices) for f in (first, second))
        pairs = torch.cartesian_prod(rows, columns)
        actions = mean.expand(len(pairs), settings.horizon, len(mean)).clone()
        actions[..., first], actions[..., second] = pairs[:, :1], pairs[:, 1:]
        costs = judge(actions[None])[0].reshape(len(rows), len(columns))
        axes[name] = settings.horizon * torch.stack([rows, columns]).cpu().numpy()
        slices[name] = costs.cpu().numpy()
    costs = judge(constant_grid(space, settings)[None])[0]
    cube = costs.reshape((settings.grid,) * 3).cpu().numpy()
    grid = torch.stack([_spaced(space, field, settings.grid) for field in range(3)])
    projections = {'xy': cube.min(2), 'xz': cube.min(1)}
    return Landscape(axes, slices, settings.horizon * grid.cpu().numpy(), projections)


def _spaced(space: ActionSpace, field: int, points: int) -> Tensor:
    low, high = float(space.lower[field]), float(space.upper[field])
    return torch.linspace(low, high, points, device=space.lower.device)
