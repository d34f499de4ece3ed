"""Where in the picture the distance from the goal comes from.

Models with a token for each patch say it themselves: the distance of each token from that of the
goal. Models with one token for the whole picture do not. For them each part of the picture is
replaced by the same part of the goal picture, and the map shows how much the latent distance
falls: how much nearer the goal would be if this part already looked as wanted. That is an
occlusion sensitivity whose occluder is the goal picture, so it is high only where the pictures
differ and the model minds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.planning.distances import DISTANCES
from jepa_wm_ros.planning.region import RegionError, grid_shape, mask_tokens, region_tokens
from jepa_wm_ros.worldmodel.camera import prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel

PATCHES = 'distance of each patch from the goal'
TRANSPLANT = 'gain if this part looked as in the goal'
CELLS = 12
"""Rows and columns of the map of models with one token."""
_BATCH = 12
_SAME = 0.02
"""Parts whose normalised pixels differ less than this on average are taken for equal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifferenceMap:
    """A map over the part of the picture that the model sees.

    Attributes:
        values: `(rows, columns)`, 0 or more.
        kind: What they are: `PATCHES` or `TRANSPLANT`.
        distance: Latent distance of the whole picture from the goal.
    """

    values: NDArray[np.float64]
    kind: str
    distance: float


def patch_grid(model: WorldModel, latent: Latent) -> tuple[int, int] | None:
    """Return rows and columns of a latent's tokens; None where tokens are no patches."""
    contract = model.contract
    tokens = latent.tokens.shape[-2]
    if tokens == 1 or contract.family == 'cjepa':  # slots are a set, without places
        return None
    try:
        return grid_shape(tokens, contract.camera.width / contract.camera.height)
    except RegionError:
        return None


@torch.inference_mode()
def patch_distances(
    latent: Latent, goal: Latent, grid: tuple[int, int], settings: PlanningSettings
) -> NDArray[np.float64]:
    """Return the distance `(rows, columns)` of each token from the goal's.

    Patches that the objective does not look at (`region`, `mask`) have none.

    Args:
        latent: Tokens `(1, N, D)`.
        goal: The same.
        grid: Rows and columns of the patches.
        settings: Name the distance.
    """
    tokens, wanted = latent.tokens[0, :, None].float(), goal.tokens[0, :, None].float()
    distances = DISTANCES[settings.distance](tokens, wanted)
    count = len(distances)
    counted = torch.ones(count, dtype=torch.bool)
    if settings.region:
        counted[:] = False
        counted[region_tokens(settings.region, count, grid[1] / grid[0])] = True
    elif settings.mask:
        counted[:] = False
        counted[mask_tokens(settings.mask, count)] = True
    values = np.where(counted.numpy(), distances.double().cpu().numpy(), 0.0)
    return values.reshape(grid)


@torch.inference_mode()
def transplant_gains(
    model: WorldModel,
    objective: Objective,
    picture: NDArray[np.uint8],
    goal_picture: NDArray[np.uint8],
    cells: int = CELLS,
) -> tuple[NDArray[np.float64], float]:
    """Return how much the distance falls when a part is replaced by that of the goal picture.

    Parts are two cells wide and high and overlap, so that the map is smooth; those that look
    the same in both pictures gain nothing and are not encoded.

    Args:
        model: The world model.
        objective: Measures distances.
        picture: `(H, W, 3)` uint8 RGB.
        goal_picture: The same.
        cells: Rows and columns of the map.

    Returns:
        `(cells, cells)`, 0 or more, and the distance of the whole picture.
    """
    camera = model.contract.camera
    now, wanted = prepare(picture, camera), prepare(goal_picture, camera)
    goal = model.encode(wanted[None, None]).frame(0)
    boxes = _boxes(tuple(now.shape[-2:]), cells)
    change = (now - wanted).abs().mean(0)
    differing = [i for i, box in enumerate(boxes) if float(change[box].mean()) > _SAME]
    whole = float(_distances(model, objective, now[None], goal)[0])
    gains = np.zeros(len(boxes))
    for begin in range(0, len(differing), _BATCH):
        chosen = differing[begin : begin + _BATCH]
        mixed = now.repeat(len(chosen), 1, 1, 1)
        for image, index in zip(mixed, chosen, strict=True):
            rows, columns = boxes[index]
            image[:, rows, columns] = wanted[:, rows, columns]
        distances = _distances(model, objective, mixed, goal)
        gains[chosen] = whole - distances.double().cpu().numpy()
    return np.clip(gains, 0.0, None).reshape(cells, cells), whole


def difference_map(
    model: WorldModel,
    objective: Objective,
    settings: PlanningSettings,
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    latents: tuple[Latent, Latent],
) -> DifferenceMap:
    """Return where the distance of an observation from a goal comes from.

    Args:
        model: The world model.
        objective: Measures the distance.
        settings: Planning settings.
        pictures: Of observation and goal, `(H, W, 3)` uint8 RGB each.
        latents: Of both, tokens `(1, N, D)`.
    """
    grid = patch_grid(model, latents[0])
    if grid is None:
        values, whole = transplant_gains(model, objective, *pictures)
        return DifferenceMap(values=values, kind=TRANSPLANT, distance=whole)
    values = patch_distances(*latents, grid, settings)
    whole = float(objective.distance(*latents)[0])
    return DifferenceMap(values=values, kind=PATCHES, distance=whole)


def _distances(model: WorldModel, objective: Objective, images: Tensor, goal: Latent) -> Tensor:
    """Return the distances `(B,)` of images `(B, 3, h, w)` from a goal `(1, N, D)`."""
    latents = model.encode(images[:, None]).frame(0)
    return objective.distance(latents, goal.map(lambda p: p.expand(len(images), *p.shape[1:])))


def _boxes(size: tuple[int, ...], cells: int) -> list[tuple[slice, slice]]:
    """Return rows and columns [px] of the parts, row by row: twice a cell, around its centre."""
    spans = []
    for pixels in size:
        centres = (np.arange(cells) + 0.5) * pixels / cells
        reach = pixels / cells
        spans.append(
            [slice(max(round(c - reach), 0), min(round(c + reach), pixels)) for c in centres]
        )
    return [(rows, columns) for rows in spans[0] for columns in spans[1]]
