"""Recomputes the recorded case of the original DINO-WM: predictions, loss, gradients, rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

from jepa_wm_ros.training.parity.gradients import predictor_gradients
from jepa_wm_ros.worldmodel.parity.frames import load_predictor
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.rollout import Rollout
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings
from jepa_wm_ros.worldmodel.published.dino_wm import KEYS

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

GRADIENT = 'train/grad/'


def run(case: Case) -> dict[str, Tensor]:
    """Return every output of the case."""
    predictor = _predictor(case)
    return {**_training(case, predictor), **_rollout(case, predictor)}


def _predictor(case: Case) -> FramePredictor:
    config = case.config
    settings = PredictorSettings(
        depth=config['depth'],
        heads=config['heads'],
        head_dim=config['dim_head'],
        mlp_dim=config['mlp_dim'],
        conditioning='feature',
        action_dim=config['ae'],
        proprio='feature' if config['pe'] else 'none',
        proprio_dim=config['pe'],
        frames=config['num_hist'],
        positions='learned',
        norm_eps=1e-5,
        qkv_bias=False,
    )
    shape = FrameShape(
        latent_dim=config['E'],
        grid=(1, config['P']),
        action_dim=config['A'],
        proprio_dim=config['Pd'],
    )
    predictor = FramePredictor(settings, shape).eval()
    load_predictor(predictor, case, KEYS)
    return predictor


def _frames(predictor: FramePredictor, visual: Tensor, proprio: Tensor) -> Frames:
    return Frames(visual, predictor.conditioning.embed_proprio(proprio))


def _training(case: Case, predictor: FramePredictor) -> dict[str, Tensor]:
    """One loss over visual and proprio channels together, against detached targets."""
    visual, history = case.inputs['visual'], case.config['num_hist']
    frames = _frames(predictor, visual, case.inputs['proprio'])
    z, _ = predictor.compose(frames.latent, frames.proprio, case.inputs['actions'])
    predicted = predictor.core(z[:, :history])
    target = z[:, 1 : 1 + history].detach()
    seen, states = visual.shape[-1], visual.shape[-1] + case.config['pe']
    loss = mse_loss(predicted[..., :states], target[..., :states])
    loss.backward()
    outputs = {
        'z': z,
        'predict': predicted,
        'predict_1frame': predictor.core(z[:, -1:]),
        'train/loss': loss,
        'train/z_loss': loss,
        'train/z_visual_loss': mse_loss(predicted[..., :seen], target[..., :seen]),
        'train/z_proprio_loss': mse_loss(predicted[..., seen:states], target[..., seen:states]),
    }
    gradients = predictor_gradients(predictor, KEYS, case)
    names = [name for name in case.outputs if name.startswith(GRADIENT)]
    return outputs | {name: gradients[name.removeprefix(GRADIENT)] for name in names}


@torch.no_grad()
def _rollout(case: Case, predictor: FramePredictor) -> dict[str, Tensor]:
    visual, actions = case.inputs['roll_visual'], case.inputs['roll_actions']
    observed, history = visual.shape[1], case.config['num_hist']
    context = _frames(predictor, visual, case.inputs['roll_proprio'])
    rollout = Rollout(predictor, context, actions[:, : observed - 1], history)
    future = rollout.predict(actions[:, None, observed - 1 :])
    assert context.proprio is not None
    assert future.proprio is not None
    latent = torch.cat([context.latent, future.latent], 1)
    proprio = torch.cat([context.proprio, future.proprio], 1)
    # The channels of the action that leaves a frame are known, but for the last frame.
    z, _ = predictor.compose(latent[:, :-1], proprio[:, :-1], actions)
    last = predictor.core(z[:, -history:])[:, -1:]
    return {
        'rollout_z': torch.cat([z, last], 1),
        'rollout_visual': latent,
        'rollout_proprio': proprio[:, :, 0],
    }
