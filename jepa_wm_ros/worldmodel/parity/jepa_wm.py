"""Recomputes the recorded cases of the AdaLN predictor of jepa-wms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.worldmodel.parity.frames import (
    forward_outputs,
    frame_model,
    rollout_outputs,
)
from jepa_wm_ros.worldmodel.predictors.settings import PredictorSettings
from jepa_wm_ros.worldmodel.published.jepa_wm import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case


def run(case: Case) -> dict[str, Tensor]:
    """Return forward predictions, encoded proprio and the planning unroll."""
    model = frame_model(case, predictor_settings(case.config), KEYS)
    return {**forward_outputs(case, model), **rollout_outputs(case, model)}


def predictor_settings(config: Mapping[str, Any]) -> PredictorSettings:
    """Return the predictor of a case's configuration."""
    feature = config.get('proprio_emb_dim', 0)
    return PredictorSettings(
        depth=config['depth'],
        heads=config['heads'],
        width=config['pred_embed_dim'],
        proprio='feature' if feature else 'none',
        proprio_dim=feature,
        frames=config['num_frames_pred'],
        mask='frame_causal' if config.get('local_window_time', 1) > 0 else 'none',
    )
