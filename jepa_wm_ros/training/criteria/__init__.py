"""Losses of whole models: what a clip costs, for each kind of model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from jepa_wm_ros.training.criteria.criterion import Criterion
    from jepa_wm_ros.training.settings import TrainingSettings
    from jepa_wm_ros.training.team import Team


def criterion_for(model: nn.Module, settings: TrainingSettings, team: Team) -> Criterion:
    """Return the loss of a model's kind.

    Args:
        model: One of the families'.
        settings: Of the training.
        team: Who has the rest of each batch.

    Raises:
        CriterionError: The settings have parts that are for other kinds of model, or lack one, or
            nobody knows how to train this kind.
    """
    from jepa_wm_ros.training.criteria.criterion import CriterionError
    from jepa_wm_ros.training.criteria.embedding import EmbeddingCriterion
    from jepa_wm_ros.training.criteria.patches import PatchCriterion
    from jepa_wm_ros.training.criteria.slots import SlotCriterion
    from jepa_wm_ros.training.criteria.small import SmallCriterion
    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
    from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel
    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel
    from jepa_wm_ros.worldmodel.families.pldm import RecurrentWorldModel
    from jepa_wm_ros.worldmodel.families.token_model import TokenWorldModel

    kinds: dict[type[nn.Module], type[Criterion]] = {
        LeWorldModel: SmallCriterion,
        TokenWorldModel: EmbeddingCriterion,
        RecurrentWorldModel: EmbeddingCriterion,
        FrameWorldModel: PatchCriterion,
        SlotWorldModel: SlotCriterion,
    }
    for kind, criterion in kinds.items():
        if isinstance(model, kind):
            return criterion(model, settings, team)
    raise CriterionError(f'there is no loss for a {type(model).__name__}')
