"""Recomputes the recorded searches by CEM of jepa-wms and of the V-JEPA 2 notebook."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.objective import GoalDistance
from jepa_wm_ros.planning.parity.tracing import group_bounds, trace
from jepa_wm_ros.planning.solvers.cem import EliteFit
from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver
from jepa_wm_ros.planning.space import ActionSpace
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.parity.frames import frame_model, grid_layout, patches
from jepa_wm_ros.worldmodel.parity.jepa_wm import predictor_settings
from jepa_wm_ros.worldmodel.parity.vjepa2_ac import token_settings
from jepa_wm_ros.worldmodel.published.jepa_wm import KEYS as JEPA_WM_KEYS
from jepa_wm_ros.worldmodel.published.vjepa2_ac import KEYS as VJEPA2_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from torch import Tensor

    from jepa_wm_ros.planning.solver import CostFunction
    from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel
    from jepa_wm_ros.worldmodel.parity import Case

OBJECTIVES = {'L1': 'l1', 'L2': 'l2', 'repr_sim': 'flat_cosine'}
"""Our names of the objectives of jepa-wms."""
XYZ_GRIPPER = (0, 1, 2, 6)
"""What the notebook searches of a Cartesian action."""
GRIPPER_BOUND = 0.75
GRIPPER_DEAD_ZONE = 0.25
"""The notebook's numbers."""


def run_jepa_wm(case: Case) -> dict[str, Tensor]:
    """Return the search of jepa-wms' planner on its AdaLN predictor, and the final unroll."""
    config, inputs = case.config, case.inputs
    fields = inputs['noise'].shape[-1]
    model = frame_model(
        _shaped(case, inputs['z_init'], fields), predictor_settings(case.config), JEPA_WM_KEYS
    )
    context, goal = Latent(patches(inputs['z_init'])), Latent(patches(inputs['z_goal'])[0])
    bound = group_bounds(config, fields)
    found = trace(
        _solver(config['N'], config['K'], config['momentum_mean'], config['momentum_std'], True),
        _cost(model, context, goal, config),
        ActionDistribution(
            mean=torch.zeros(1, config['H'], fields),
            std=torch.full((1, config['H'], fields), config['var_scale']),
            space=ActionSpace(lower=-bound, upper=bound),
        ),
        inputs['noise'],
    )
    with torch.no_grad():
        future = model.rollout(context, _no_past(fields), found.mean[-1][None, None]).tokens
    unroll = torch.cat([context.tokens, future[0]], 1).transpose(0, 1)
    return {
        'samples': found.samples.transpose(1, 2),
        'cost': found.costs,
        'elite_idx': found.elite_index,
        'mean': found.mean,
        'std': found.std,
        'elite_cost_mean': found.elite_costs.mean(1),
        'elite_cost_std': found.elite_costs.std(1),
        'min_cost': found.costs.min(1).values,
        'action': found.mean[-1][: config['num_act_stepped']],
        'final_unroll': grid_layout(unroll, inputs['z_init']),
    }


def run_vjepa2(case: Case) -> dict[str, Tensor]:
    """Return the search of the V-JEPA 2 notebook, in four of the seven fields."""
    config, inputs = case.config, case.inputs
    horizon, grid = config['rollout'], config['grid']
    z = inputs['z_context'].unflatten(2, (1, grid, grid))
    frames = max(config['num_frames'] // 2, horizon)
    shaped = _shaped(case, z, 7, window=frames, proprio=inputs['pose'])
    settings = token_settings(case, frames, states=True)
    model = frame_model(shaped, settings, VJEPA2_KEYS, normalise=True)
    context = model.encode_given(inputs['z_context'], inputs['pose'])
    bound = torch.tensor([config['maxnorm']] * 3 + [GRIPPER_BOUND])
    std = torch.tensor([config['maxnorm']] * 3 + [1.0])
    mean_kept, std_kept = (
        torch.tensor([config[f'momentum_{name}']] * 3 + [config[f'momentum_{name}_gripper']])
        for name in ('mean', 'std')
    )
    judge = _cost(model, context, Latent(inputs['z_goal'][:, 0]), {'objective': 'L1'})
    found = trace(
        _solver(config['samples'], config['topk'], mean_kept, std_kept, False),
        lambda candidates: judge(_widened(candidates)),
        ActionDistribution(
            mean=torch.zeros(1, horizon, 4),
            std=std.expand(1, horizon, 4),
            space=_pinned(ActionSpace(lower=-bound, upper=bound), config),
        ),
        inputs['noise'],
    )
    action = _widened(found.mean[-1])
    small = action[..., 6].abs() < GRIPPER_DEAD_ZONE
    action[..., 6] = torch.where(small, 0.0, action[..., 6])
    return {
        'samples': _widened(found.samples),
        'cost': found.costs,
        'elite_idx': found.elite_index,
        'mean': found.mean,
        'std': found.std,
        'action': action,
    }


def _solver(
    samples: int,
    elites: int,
    mean_kept: Tensor | float,
    std_kept: Tensor | float,
    mean_candidate: bool,
) -> SamplingSolver:
    fit = EliteFit(
        mean_momentum=mean_kept,
        std_momentum=std_kept,
        std_floor=torch.zeros(()),
        unbiased=True,
    )
    return SamplingSolver(
        samples=samples,
        elites=elites,
        noise=SharedNoise(correlation=0.0),
        fit=fit,
        mean_candidate='always' if mean_candidate else 'never',
    )


def _cost(
    model: FrameWorldModel, context: Latent, goal: Latent, config: Mapping[str, Any]
) -> CostFunction:
    """Return the cost of candidates; a sum over all frames counts that of the context, too."""
    every = bool(config.get('sum_all_diffs', False))
    name = OBJECTIVES[config['objective']]
    objective = GoalDistance(distance_name=name, reduction='sum' if every else 'last')
    context_cost = objective.distance(context.frame(-1), goal)[:, None] if every else 0.0

    def cost(candidates: Tensor) -> Tensor:
        past = _no_past(candidates.shape[-1])
        costs = objective(model.rollout(context, past, candidates), goal) + context_cost
        frames = 1 + candidates.shape[2] if every else 1
        return costs - frames if name == 'flat_cosine' else costs  # jepa-wms: minus the cosine

    return cost


def _shaped(
    case: Case, z: Tensor, fields: int, *, window: int = 0, proprio: Tensor | None = None
) -> Case:
    """Return the case with inputs of the names by which a model's sizes are found."""
    inputs = {'z': z, 'actions': torch.zeros(1, 1, fields)}
    if proprio is not None:
        inputs['proprio'] = proprio
    config = {'ctxt_window': window, **case.config}
    return dataclasses.replace(case, inputs=inputs, config=config)


def _no_past(fields: int) -> Tensor:
    return torch.zeros(1, 0, fields)


def _pinned(space: ActionSpace, config: Mapping[str, Any]) -> ActionSpace:
    """Return the space with the columns that the notebook sets after clipping."""
    pinned = torch.zeros(config['rollout'], 4, dtype=torch.bool)
    values = torch.zeros(config['rollout'], 4)
    for column, value in (config.get('axis') or {}).items():
        pinned[:, int(column)], values[:, int(column)] = True, float(value)
    close = config.get('close_gripper')
    if close is not None:
        pinned[close:, 3], values[close:, 3] = True, 1.0
    return dataclasses.replace(space, pinned=pinned, values=values)


def _widened(actions: Tensor) -> Tensor:
    """Return `(..., 4)` as Cartesian actions `(..., 7)` without rotation."""
    wide = actions.new_zeros(*actions.shape[:-1], 7)
    wide[..., XYZ_GRIPPER] = actions
    return wide
