"""From planning settings to an objective."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.planning.objective import GoalDistance, NearestGoal, WeightedSum
from jepa_wm_ros.planning.value import LearnedValue, load_value_head

if TYPE_CHECKING:
    import torch

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.worldmodel.contract import CameraContract
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.search_settings import TermSettings


def make_objective(
    settings: PlanningSettings,
    camera: CameraContract,
    folder: Path | str = '',
    device: torch.device | str = 'cpu',
) -> Objective:
    """Return the objective that the settings ask for; goals may be sets of goals.

    Args:
        settings: Planning settings.
        camera: What the pictures look like, for regions.
        folder: Where relative names of value heads begin: the bundle.
        device: Where value heads go.

    Raises:
        ValueHeadError: A value head cannot be read.
    """
    parts: list[tuple[float, Objective]] = []
    if settings.distance_weight:
        parts.append((settings.distance_weight, _distance(settings, camera)))
    if settings.value_head:
        parts.append((settings.value_weight, _value(settings, folder, device)))
    for term in settings.terms:
        made = _value(term, folder, device) if term.value_head else _distance(term, camera)
        parts.append((term.weight, made))
    if len(parts) == 1 and parts[0][0] == 1.0:
        return NearestGoal(objective=parts[0][1])
    return NearestGoal(objective=WeightedSum(parts=tuple(parts)))


def _distance(term: PlanningSettings | TermSettings, camera: CameraContract) -> GoalDistance:
    return GoalDistance(
        distance_name=term.distance,
        reduction=term.reduction,
        discount=term.discount,
        proprio_weight=term.proprio_weight,
        region=term.region,
        mask=term.mask,
        aspect=camera.width / camera.height,
    )


def _value(
    term: PlanningSettings | TermSettings, folder: Path | str, device: torch.device | str
) -> LearnedValue:
    head = load_value_head(Path(folder) / term.value_head, device)
    return LearnedValue(head=head, reduction=term.reduction, discount=term.discount)
