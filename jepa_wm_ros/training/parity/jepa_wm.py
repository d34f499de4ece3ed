"""Recomputes JEPA-WM's training losses and their gradients of a recorded case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from jepa_wm_ros.training.frame_losses import (
    FrameErrors,
    forced,
    rolled_out,
    rollout_loss,
)
from jepa_wm_ros.training.loss_settings import ErrorWeights, FrameLossSettings
from jepa_wm_ros.training.parity.gradients import predictor_gradients
from jepa_wm_ros.worldmodel.parity.frames import grid_layout, load_predictor, patches
from jepa_wm_ros.worldmodel.parity.jepa_wm import predictor_settings
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape
from jepa_wm_ros.worldmodel.published.jepa_wm import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

KINDS = {'cos': 'cosine', 'l1': 'l1', 'l2': 'l2', 'smooth_l1': 'smooth_l1'}
"""The published names of the errors, and ours."""


def run(case: Case) -> dict[str, Tensor]:
    """Return the losses, sequences and gradients of every variant."""
    outputs: dict[str, Tensor] = {}
    for variant in case.config['variants']:
        outputs |= {f'{variant["name"]}/{k}': v for k, v in _variant(case, variant).items()}
    return outputs


def _variant(case: Case, variant: Mapping[str, Any]) -> dict[str, Tensor]:
    predictor, settings = _predictor(case), _settings(variant)
    video, actions = case.inputs['video_features'], case.inputs['actions']
    state = None
    if predictor.settings.proprio != 'none':
        state = predictor.conditioning.embed_proprio(case.inputs['proprio'])
    frames = Frames(patches(video), state)
    errors, predicted = forced(predictor, frames, actions, settings)
    total = settings.forced_weight * errors.loss(settings.errors)
    outputs = {f'tf/{name}': value for name, value in _terms(errors, settings).items()}
    for prefix in variant['prefixes']:
        steps, seen = rolled_out(predictor, frames, actions, predicted, prefix, settings)
        terms = [_terms(step, settings) for step in steps]
        stacked = {name: torch.stack([term[name] for term in terms]) for name in terms[0]}
        stacked['weighted_total'] = rollout_loss(steps, settings) / len(variant['prefixes'])
        stacked['video_features'] = grid_layout(seen.latent, video)
        total = total + stacked['weighted_total']
        outputs |= {f'rollout_t{prefix}/{name}': value for name, value in stacked.items()}
    total.backward()
    return {**outputs, 'total_loss': total, **_gradients(case, predictor)}


def _predictor(case: Case) -> FramePredictor:
    config = case.config
    video, settings = case.inputs['video_features'], predictor_settings(config)
    shape = FrameShape(
        latent_dim=video.shape[-1],
        grid=(video.shape[-3], video.shape[-2]),
        action_dim=config['action_dim'],
        proprio_dim=config['proprio_dim'] if settings.proprio != 'none' else 0,
    )
    predictor = FramePredictor(settings, shape).eval()
    load_predictor(predictor, case, KEYS)
    return predictor


def _settings(variant: Mapping[str, Any]) -> FrameLossSettings:
    weights = {
        ours: variant['weights'].get(f'{theirs}_loss_weight', 0.0)
        for theirs, ours in KINDS.items()
    }
    return FrameLossSettings(
        errors=ErrorWeights(**weights),
        steps=variant['R'],
        window=variant['ctxt_window'],
        detach=variant['stop_gradient'],
        proprio=variant['proprio_loss'],
        predicted_proprio=variant['proprio_rollout_mode'] == 'predict_proprio',
    )


def _terms(errors: FrameErrors, settings: FrameLossSettings) -> dict[str, Tensor]:
    terms = {'loss': errors.loss(settings.errors)}
    for part, found in (('visual', errors.latent), ('proprio', errors.proprio)):
        if found is not None:
            for theirs, ours in KINDS.items():
                terms[f'{part}_{theirs}_loss'] = getattr(found, ours).mean()
    return terms


def _gradients(case: Case, predictor: FramePredictor) -> dict[str, Tensor]:
    found = predictor_gradients(predictor, KEYS, case)
    full = {f'grad/{key}': found[key] for key in case.config['full_grads']}
    return {**full, 'grad_norms': found.norms(case.config['grad_norm_order'])}
