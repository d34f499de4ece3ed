"""Recomputes the recorded cases of the V-JEPA 2-AC predictor, of jepa-wms and of its makers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import layer_norm

from jepa_wm_ros.worldmodel.parity.frames import (
    forward_outputs,
    frame_model,
    load_predictor,
    rollout_outputs,
)
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings
from jepa_wm_ros.worldmodel.published.vjepa2_ac import KEYS

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case


def run(case: Case) -> dict[str, Tensor]:
    """Return what jepa-wms makes of the predictor: forward predictions and the planning unroll."""
    settings = token_settings(
        case, case.config['num_frames_pred'], case.config['proprio_tokens'] > 0
    )
    model = frame_model(case, settings, KEYS, normalise=True)
    reps = case.inputs['raw_reps']
    return {
        **forward_outputs(case, model),
        **rollout_outputs(case, model),
        'normalized_reps': layer_norm(reps, reps.shape[-1:]),
    }


@torch.no_grad()
def run_official(case: Case) -> dict[str, Tensor]:
    """Return the raw predictions, and the next frame as the notebook takes it."""
    z, config = case.inputs['z'], case.config
    grid = config['grid']
    shape = FrameShape(
        latent_dim=z.shape[-1],
        grid=(grid, grid),
        action_dim=case.inputs['actions'].shape[-1],
        proprio_dim=case.inputs['states'].shape[-1],
    )
    settings = token_settings(case, max(config['num_frames'] // 2, *config['T_list']), True)
    predictor = FramePredictor(settings, shape).eval()
    load_predictor(predictor, case, KEYS)
    outputs = {}
    for count in config['T_list']:
        frames = Frames(z[:, -count:], case.inputs['states'][:, -count:])
        predicted = predictor(frames, case.inputs['actions'][:, -count:]).latent
        outputs[f'pred_T{count}'] = predicted.flatten(1, 2)
        outputs[f'next_T{count}'] = layer_norm(predicted[:, -1], predicted.shape[-1:])
    return outputs


def token_settings(case: Case, frames: int, states: bool) -> PredictorSettings:
    """Return what a case says of the predictor, for windows of up to `frames` frames."""
    return PredictorSettings(
        depth=case.config['depth'],
        heads=case.config['heads'],
        width=case.config['pred_embed_dim'],
        conditioning='token',
        proprio='token' if states else 'none',
        frames=frames,
    )
