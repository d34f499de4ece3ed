"""From planning settings to an objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.planning.objective import GoalDistance, NearestGoal, WeightedSum
from jepa_wm_ros.planning.value import LearnedValue
from jepa_wm_ros.worldmodel.heads import load_reward

if TYPE_CHECKING:
    import torch

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.worldmodel.contract import CameraContract, Contract
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.search_settings import TermSettings


def make_objective(
    settings: PlanningSettings, contract: Contract, device: torch.device | str = 'cpu'
) -> Objective:
    """Return the objective that the settings ask for; goals may be sets of goals.

    Args:
        settings: Planning settings.
        contract: Of the model: its pictures, for regions, and where its heads are.
        device: Where heads go.

    Raises:
        HeadError: A head is missing, damaged or belongs to other weights.
    """
    parts: list[tuple[float, Objective]] = []
    if settings.distance_weight:
        parts.append((settings.distance_weight, _distance(settings, contract.camera)))
    if settings.value_head:
        parts.append((settings.value_weight, _value(settings, contract, device)))
    for term in settings.terms:
        learned = bool(term.value_head)
        made = _value(term, contract, device) if learned else _distance(term, contract.camera)
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
    term: PlanningSettings | TermSettings, contract: Contract, device: torch.device | str
) -> LearnedValue:
    judge = load_reward(contract.folder, term.value_head, contract.fingerprint, device)
    return LearnedValue(judge=judge, reduction=term.reduction, discount=term.discount)
