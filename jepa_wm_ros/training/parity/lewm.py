"""Recomputes LeWorldModel's losses, gradients and BatchNorm statistics of a recorded case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.training.next_embedding import SIGREG_WEIGHT, embeddings, sigreg_of
from jepa_wm_ros.training.parity.gradients import PublishedGradients
from jepa_wm_ros.training.sigreg import sigreg
from jepa_wm_ros.worldmodel.parity.lewm import model_of

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

GRADIENT = 'train_grad/'
AFTER = 'train_after/'


def run(case: Case) -> dict[str, Tensor]:
    """Return the statistic of given embeddings, and what one training step computes."""
    directions = torch.nn.functional.normalize(case.inputs['sigreg_A'], dim=0)
    given = case.inputs['sigreg_emb'].clone().requires_grad_()
    value = sigreg(given, directions)
    (gradient,) = torch.autograd.grad(value, given)
    step = _training(case, directions)
    return {'sigreg_value': value, 'sigreg_grad': gradient, **step}


def _training(case: Case, directions: Tensor) -> dict[str, Tensor]:
    model, keys = model_of(case)
    found = embeddings(model.train(), case.inputs['pixels'], case.inputs['action'])
    regular = sigreg_of(found, directions)
    loss = found.error + SIGREG_WEIGHT * regular
    loss.backward()
    gradients = PublishedGradients(model, keys, case.weights)
    outputs = {
        'train_emb': found.encoded,
        'train_pred_loss': found.error,
        'train_sigreg_loss': regular,
        'train_loss': loss,
        'train_grad_norms': gradients.norms(case.config['grad_norm_order']),
    }
    for name in case.outputs:
        if name.startswith(GRADIENT):
            outputs[name] = gradients[name.removeprefix(GRADIENT)]
        elif name.startswith(AFTER):
            (target,) = keys.account([name.removeprefix(AFTER)]).used
            outputs[name] = model.get_buffer(target)
    return outputs
