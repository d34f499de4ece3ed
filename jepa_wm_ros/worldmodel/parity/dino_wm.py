"""Recomputes the recorded cases of the DINO-WM predictor as it is in jepa-wms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.worldmodel.parity.frames import (
    forward_outputs,
    frame_model,
    patches,
    rollout_outputs,
)
from jepa_wm_ros.worldmodel.predictors.settings import PredictorSettings
from jepa_wm_ros.worldmodel.published.dino_wm import KEYS

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel
    from jepa_wm_ros.worldmodel.parity import Case


def run(case: Case) -> dict[str, Tensor]:
    """Return forward predictions, tokens in and out, encoded proprio and the planning unroll."""
    config = case.config
    settings = PredictorSettings(
        depth=config['depth'],
        heads=config['heads'],
        head_dim=config['dim_head'],
        mlp_dim=config['mlp_dim'],
        conditioning='feature',
        action_dim=config['action_emb_dim'],
        proprio='feature' if config.get('proprio_emb_dim', 0) else 'none',
        proprio_dim=config.get('proprio_emb_dim', 0),
        frames=config['num_frames_pred'],
        positions='learned',
        norm_eps=1e-5,
        qkv_bias=False,
    )
    model = frame_model(case, settings, KEYS)
    return {
        **forward_outputs(case, model),
        **rollout_outputs(case, model),
        **_tokens(case, model),
    }


@torch.no_grad()
def _tokens(case: Case, model: FrameWorldModel) -> dict[str, Tensor]:
    state = model.embed(case.inputs['proprio']) if 'proprio' in case.inputs else None
    tokens, _ = model.predictor.compose(patches(case.inputs['z']), state, case.inputs['actions'])
    result = model.predictor.core(tokens)
    return {'tokens_in': tokens.flatten(1, 2), 'tokens_out': result.flatten(1, 2)}
