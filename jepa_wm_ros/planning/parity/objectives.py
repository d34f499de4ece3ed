"""Recomputes the recorded planning objectives of jepa-wms and of the original DINO-WM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.horizon import reduce_horizon
from jepa_wm_ros.planning.objective import GoalDistance
from jepa_wm_ros.planning.parity.cem import OBJECTIVES
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

NAME = re.compile(r'(L1|L2|repr_sim)_(visual|td_alpha([\d.]+))_(last|sum)(_keepdims)?$')
DINO_WM_NAME = re.compile(r'objective_(last|all)_alpha([\d.]+)$')
DINO_WM_BASE = 2.0
"""Each frame weighs this much more than the one before, in the objective over all frames."""


def run(case: Case) -> dict[str, Tensor]:
    """Return all objectives of jepa-wms that the case has outputs of."""
    inputs = case.inputs
    tokens = inputs['enc_visual'].flatten(2, 4), inputs['goal_visual'].flatten(2, 4)
    states = inputs['enc_proprio'], inputs['goal_proprio']
    outputs = {}
    for name in case.outputs:
        found = NAME.match(name)
        if found is None:
            continue
        kind, _, weight, reduction, keep = found.groups()
        frames = _frames(kind, *tokens)
        if weight is not None:
            frames = frames + float(weight) * _frames(kind, *states)
        outputs[name] = _reduced(frames, reduction, bool(keep))
    return outputs


def run_dino_wm(case: Case) -> dict[str, Tensor]:
    """Return the objectives of the original DINO-WM."""
    inputs, outputs = case.inputs, {}
    predicted = Latent(inputs['pred_visual'], inputs['pred_proprio'])
    goal = Latent(inputs['goal_visual'], inputs['goal_proprio'])
    for name in case.outputs:
        found = DINO_WM_NAME.match(name)
        if found is None:
            continue
        frames = GoalDistance(proprio_weight=float(found[2])).frames(predicted, goal)
        if found[1] == 'last':
            outputs[name] = reduce_horizon(frames, 'last')
        else:  # their weights sum to 1, and then they take the mean
            weights = DINO_WM_BASE ** torch.arange(frames.shape[-1])
            total = reduce_horizon(frames, 'discounted', DINO_WM_BASE)
            outputs[name] = total / weights.sum() / frames.shape[-1]
    return outputs


def _frames(kind: str, predicted: Tensor, goal: Tensor) -> Tensor:
    """Return the objective of each frame `[T, B]` of `[T, B, N, D]`."""
    objective = GoalDistance(distance_name=OBJECTIVES[kind])
    costs = objective.frames(Latent(predicted), Latent(goal))
    return costs - 1 if kind == 'repr_sim' else costs  # jepa-wms counts minus the cosine


def _reduced(frames: Tensor, reduction: str, keep: bool) -> Tensor:
    """Return `[B]`, or `[T, B]` with `keep`."""
    if not keep:
        return reduce_horizon(frames.T, reduction)
    return frames if reduction == 'last' else frames.cumsum(0).flip(0)
