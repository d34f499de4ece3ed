"""Recomputes what Causal-JEPA predicts, matches and plans with in a recorded case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.worldmodel.assignment import (
    cosine_distances,
    match,
    reorder,
    squared_distances,
)
from jepa_wm_ros.worldmodel.families.cjepa import (
    SlotArchitecture,
    SlotWorldModel,
    in_order_of,
)
from jepa_wm_ros.worldmodel.parity.frames import plain_contract
from jepa_wm_ros.worldmodel.predictors.slots import (
    SlotPredictorSettings,
    hidden_future,
    hidden_slots,
)
from jepa_wm_ros.worldmodel.published.cjepa import KEYS

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case
    from jepa_wm_ros.worldmodel.published.ledger import KeyMap

TARGET_SEED = 9
"""Added to a case's seed, it draws the order of slots in the target of the matching tests."""


@torch.no_grad()
def run(case: Case) -> dict[str, Tensor]:
    """Return everything but losses and gradients."""
    model, _ = model_of(case)
    return {**_predictions(case, model.eval()), **_planning(case, model), **_matching(case)}


def model_of(case: Case) -> tuple[SlotWorldModel, KeyMap]:
    """Build the model of a case around its weights, and return it with the map of their keys."""
    c = case.config
    predictor = SlotPredictorSettings(
        depth=c['depth'],
        heads=c['heads'],
        mlp_dim=c['mlp'],
        history=c['hist'],
        future=c['pred'],
        dropout=0.0,
    )
    architecture = SlotArchitecture(slots=c['slots'], slot_dim=c['D'], predictor=predictor)
    model = SlotWorldModel(plain_contract(c['A'], c['P']), architecture)
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict(KEYS.convert(case.weights, wanted, case.name))
    return model, KEYS


def masked_slots(case: Case) -> Tensor:
    """Return the slots that the published code hides: it draws them from the same seed always."""
    state = np.random.RandomState(case.config['mask_seed'])
    chosen = state.choice(case.config['slots'], case.config['masked'], replace=False)
    return torch.as_tensor(chosen, dtype=torch.long)


def hidden_in_training(case: Case, entities: int) -> Tensor:
    """Return what the published code hides in training, `(frames, entities)`."""
    c = case.config
    future = hidden_future(c['hist'], c['pred'], entities)
    return future | hidden_slots(masked_slots(case), c['hist'] + c['pred'], entities)


def matching_pair(case: Case) -> tuple[Tensor, Tensor]:
    """Return the slots `[hist, B, N, D]` of the matching tests, and their target.

    The target mixes each frame's slots with those of the next in an order drawn for the case.
    """
    slots, history = case.inputs['slots'].transpose(0, 1), case.config['hist']
    generator = torch.Generator().manual_seed(case.config['seed'] + TARGET_SEED)
    order = torch.randperm(slots.shape[2], generator=generator)
    target = 0.7 * slots[:history] + 0.5 * slots[1 : history + 1, :, order]
    return slots[:history], target


def _predictions(case: Case, model: SlotWorldModel) -> dict[str, Tensor]:
    history = case.inputs['entity_history']
    hidden = hidden_in_training(case, history.shape[2])
    predictor = model.predictor
    latent = model.encode_given(case.inputs['slots'], case.inputs['proprio'])
    assert latent.proprio is not None
    return {
        'mask_indices': masked_slots(case),
        'masked_input': predictor.compose(history, hidden),
        'masked_forward': predictor(history, hidden),
        'inference': predictor.predict(history),
        'inference_short_history': predictor.predict(history[:, 1:]),
        'action_embed': model.action(case.inputs['action']),
        'proprio_embed': latent.proprio,
        'reordered': in_order_of(history, case.inputs['slots'][:, :1]),
    }


def _planning(case: Case, model: SlotWorldModel) -> dict[str, Tensor]:
    """Roll candidates out whose first actions are those of the observed frames."""
    candidates, observed = case.inputs['candidates'], case.config['n_obs']
    count = candidates.shape[1]
    context = model.encode_given(case.inputs['plan_slots'], case.inputs['plan_proprio']).map(
        lambda part: part.repeat_interleave(count, 0)
    )
    flat = candidates.flatten(0, 1)
    future = model.unroll(context, flat[:, : observed - 1], flat[:, None, observed - 1 :])[:, 0]
    frames = torch.cat([model.entities(context, flat[:, :observed]), future], 1)
    goal = model.encode_given(case.inputs['goal_slots'], case.inputs['goal_proprio'])
    last = model.split(frames[:, -1])
    assert last.proprio is not None
    assert goal.proprio is not None
    cost = _matched_error(last.tokens, goal.tokens[:, 0])
    cost = cost + (last.proprio - goal.proprio[:, 0]).square().mean(-1)
    shape = (-1, count)
    return {
        'plan_predicted_embedding': frames.unflatten(0, shape),
        'plan_cost': cost.unflatten(0, shape),
    }


def _matching(case: Case) -> dict[str, Tensor]:
    slots, target = matching_pair(case)
    cosine = cosine_distances(slots, target)
    columns = match(cosine)[..., None]
    return {
        'hungarian_target': target,
        'hungarian_cost_mse': _matched_error(slots, target),
        'hungarian_cost_cosine': torch.take_along_dim(cosine, columns, -1).mean((-2, -1)),
    }


def _matched_error(slots: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error `(...)` of slots `(..., N, D)` after matching."""
    ordered = reorder(target.expand_as(slots), match(squared_distances(slots, target)))
    return (slots - ordered).square().mean((-2, -1))
