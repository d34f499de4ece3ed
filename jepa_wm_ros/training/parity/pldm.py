"""PLDM's loss terms in both published variants, on recorded embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import mse_loss

from jepa_wm_ros.training.inverse_dynamics import InverseDynamics
from jepa_wm_ros.training.loss_settings import VicRegSettings
from jepa_wm_ros.training.vicreg import (
    batch_first_terms,
    official_terms,
    straightening_loss,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

SETTINGS = {
    'sim_coeff': 'similarity',
    'std_coeff': 'spread',
    'cov_coeff': 'covariance',
    'std_coeff_t': 'spread_time',
    'cov_coeff_t': 'covariance_time',
    'sim_coeff_t': 'similarity_time',
    'std_margin': 'margin',
    'std_margin_t': 'margin_time',
    'adjust_cov': 'pairs',
    'cov_per_feature': 'per_position',
}
"""The published names of the settings, and ours."""


def run(case: Case) -> dict[str, Tensor]:
    """Recompute the terms, their weighted sums and the gradients of those."""
    outputs: dict[str, Tensor] = {}
    for name, settings in case.config['official'].items():
        outputs |= _below(f'official/{name}', _official(case, settings))
    outputs |= _below('official/prediction', _prediction(case))
    outputs |= _below('official/idm', _inverse_dynamics(case, 'encodings'))
    outputs |= _below('official/idm_use_pred', _inverse_dynamics(case, 'predictions'))
    return outputs | _below('swm', _batch_first(case))


def _below(prefix: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f'{prefix}/{name}': value for name, value in values.items()}


def _settings(published: Mapping[str, Any]) -> VicRegSettings:
    known = {ours: published[name] for name, ours in SETTINGS.items() if name in published}
    return VicRegSettings(**known)


def _official(case: Case, published: Mapping[str, Any]) -> dict[str, Tensor]:
    prefix = 'conv_' if published.get('conv') else ''
    encoded = case.inputs[f'{prefix}encodings'].clone().requires_grad_()
    settings = _settings(published)
    terms = official_terms(case.inputs[f'{prefix}predictions'], encoded, settings)
    total = terms.total(settings)
    (gradient,) = torch.autograd.grad(total, encoded)
    return {
        'total_loss': total,
        'sim_loss': terms.similarity,
        'std_loss': terms.spread,
        'cov_loss': terms.covariance,
        'std_loss_t': terms.spread_time,
        'cov_loss_t': terms.covariance_time,
        'sim_loss_t': terms.similarity_time,
        'grad_encodings': gradient,
    }


def _prediction(case: Case) -> dict[str, Tensor]:
    loss = official_terms(case.inputs['predictions'], case.inputs['encodings']).similarity
    return {'pred_loss': loss, 'total_loss': case.config['pred_coeff'] * loss}


def _inverse_dynamics(case: Case, before: str) -> dict[str, Tensor]:
    encoded, actions = case.inputs['encodings'], case.inputs['actions']
    hidden = [int(width) for width in str(case.config['idm_arch']).split('-') if width]
    model = InverseDynamics(encoded.shape[-1], actions.shape[-1], hidden)
    stems = {key.rsplit('.', 1)[0] for key in case.weights}
    layers = sorted(stems, key=lambda stem: int(stem.rsplit('.', 1)[1]))
    linear = [layer for layer in model.layers if isinstance(layer, torch.nn.Linear)]
    for layer, key in zip(linear, layers, strict=True):
        layer.load_state_dict({n: case.weights[f'{key}.{n}'] for n in ('weight', 'bias')})
    loss = mse_loss(model(case.inputs[before][:-1], encoded[1:]), actions)
    return {'action_loss': loss, 'total_loss': case.config['idm_coeff'] * loss}


def _batch_first(case: Case) -> dict[str, Tensor]:
    encoded = case.inputs['encodings'].transpose(0, 1).contiguous().requires_grad_()
    terms = batch_first_terms(case.inputs['predictions'].transpose(0, 1)[:, 1:], encoded)
    losses = {
        'idm_loss': mse_loss(case.inputs['swm_a_pred'], case.inputs['actions'].transpose(0, 1)),
        'temp_align_loss': terms.similarity_time,
        'std_loss': terms.spread,
        'std_t_loss': terms.spread_time,
        'cov_loss': terms.covariance,
        'cov_t_loss': terms.covariance_time,
        'temp_straightening': straightening_loss(encoded),
    }
    (gradient,) = torch.autograd.grad(torch.stack(list(losses.values())).sum(), encoded)
    return {**losses, 'grad_z': gradient}
