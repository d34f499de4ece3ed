"""Recomputes Causal-JEPA's losses and their gradients of a recorded case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.training.masked_slots import masked_slot_loss, matched_error
from jepa_wm_ros.training.parity.gradients import PublishedGradients
from jepa_wm_ros.worldmodel.parity.cjepa import masked_slots, matching_pair, model_of

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case


def run(case: Case) -> dict[str, Tensor]:
    """Return losses and gradients, with and without matching of the future slots."""
    outputs = {'hungarian_loss_mse': matched_error(*matching_pair(case))}
    for name, matched in (('plain', False), ('hungarian', True)):
        outputs |= {f'{name}/{key}': value for key, value in _step(case, matched).items()}
    return outputs


def _step(case: Case, matched: bool) -> dict[str, Tensor]:
    model, keys = model_of(case)
    clip = model.encode_given(case.inputs['slots'], case.inputs['proprio'])
    terms = masked_slot_loss(
        model.eval(), clip, case.inputs['action'], masked_slots(case), matched=matched
    )
    terms.total.backward()
    weights = {name.removeprefix('model.'): value for name, value in case.weights.items()}
    gradients = PublishedGradients(model, keys, weights)
    return {
        'loss': terms.total,
        'loss_future': terms.future,
        'loss_masked_history': terms.history,
        'proprio_loss': terms.proprio,
        **{f'grad/{key}': gradients[key] for key in case.config['full_grads']},
    }
