"""Recomputes the recorded MPPI, CEM and gradient planners of jepa-wms on a toy world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.parity.tracing import GivenNoise, RecordedCost, group_bounds, trace
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.solvers.cem import EliteFit
from jepa_wm_ros.planning.solvers.gradient import GradientSolver
from jepa_wm_ros.planning.solvers.mppi import WeightedFit
from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver
from jepa_wm_ros.planning.space import ActionSpace

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.solver import CostFunction
    from jepa_wm_ros.planning.solvers.sampling import Fit
    from jepa_wm_ros.worldmodel.parity import Case

WHITE = SharedNoise(correlation=0.0)


def run(case: Case) -> dict[str, Tensor]:
    """Return the traces of MPPI, of CEM without bounds, and of both gradient planners."""
    config = case.config
    return {
        **_mppi(case),
        **_cem(case),
        **_gradient(case, 'gd', 'gd', config['lr']),
        **_gradient(case, 'gd', 'adam_upstream', config['lr']),  # their Adam never takes a step
        **_gradient(case, 'adam', 'adam_true', config['adam_lr']),
    }


def _mppi(case: Case) -> dict[str, Tensor]:
    config = case.config
    fit = WeightedFit(
        temperature=1 / config['temperature'],  # theirs is multiplied by the excess cost
        absolute=True,
        mean_momentum=0.0,
        std_momentum=0.0,
        std_floor=torch.zeros(()),
    )
    start = _unbounded(case, config['max_std'])
    solver = _sampling(case, fit, mean_candidate='never')
    found = trace(solver, _toy_cost(case), start, case.inputs['mppi_noise'])
    weights = fit.weights(found.elite_costs)
    last = weights[-1].double().numpy()
    draw = np.random.RandomState(config['seed'])  # their planner uses NumPy's global generator
    chosen = int(draw.choice(len(last), p=last / last.sum()))
    action = found.samples[-1, found.elite_index[-1, chosen]]
    noisy = action + found.std[-1] * case.inputs['mppi_final_noise']
    return {
        'mppi_mean': found.mean,
        'mppi_std': found.std,
        'mppi_score': weights,
        'mppi_cost': found.costs,
        'mppi_elite_idx': found.elite_index,
        'mppi_chosen_elite': torch.tensor([chosen]),
        'mppi_action_eval': action[: config['m']],
        'mppi_action_noisy': noisy[: config['m']],
    }


def _cem(case: Case) -> dict[str, Tensor]:
    fit = EliteFit(mean_momentum=0.0, std_momentum=0.0, std_floor=torch.zeros(()), unbiased=True)
    solver = _sampling(case, fit, mean_candidate='always')
    found = trace(solver, _toy_cost(case), _unbounded(case, 1.0), case.inputs['cem_noise'])
    action = found.mean[-1][: case.config['m']]
    return {'cem_mean': found.mean, 'cem_std': found.std, 'cem_action': action}


def _gradient(case: Case, step: str, name: str, rate: float) -> dict[str, Tensor]:
    config = case.config
    bound = group_bounds(config, config['A'])
    initial = config['gd_var_scale'] * case.inputs['gd_init_noise']
    cost = RecordedCost(_toy_cost(case))
    solver = GradientSolver(
        step=step,
        samples=1,
        learning_rate=rate,
        scale=torch.ones(config['A']),
        noise=WHITE,
        gradient_noise=config['action_noise'],
        step_noise=GivenNoise(case.inputs['gd_noise'].transpose(1, 2)),
    )
    start = _LooseStart(
        mean=initial,
        std=torch.ones_like(initial),
        space=ActionSpace(lower=-bound, upper=bound),
    )
    solver.solve(cost, start, Budget(config['iters']), torch.Generator())
    actions = torch.stack([candidates[0] for candidates in cost.candidates[1:]])
    return {f'{name}_actions': actions, f'{name}_losses': torch.cat(cost.costs[:-1])}


class _LooseStart(ActionDistribution):
    """jepa-wms clips each update, but not the start."""

    def clip(self, actions: Tensor) -> Tensor:
        untouched = torch.equal(actions.flatten(), self.mean.flatten())
        return actions if untouched else ActionDistribution.clip(self, actions)


def _toy_cost(case: Case) -> CostFunction:
    """Return the toy world: the last latent is z + sum of actions @ M; its error is the cost."""
    inputs = case.inputs

    def cost(actions: Tensor) -> Tensor:
        last = inputs['z_init'] + (actions @ inputs['M']).sum(-2)
        return (last - inputs['goal'][0]).square().mean(-1)

    return cost


def _unbounded(case: Case, std: float) -> ActionDistribution:
    shape = (1, case.config['H'], case.config['A'])
    bound = torch.full(shape[-1:], float('inf'))
    return ActionDistribution(
        mean=torch.zeros(shape),
        std=torch.full(shape, std),
        space=ActionSpace(lower=-bound, upper=bound),
    )


def _sampling(case: Case, fit: Fit, mean_candidate: str) -> SamplingSolver:
    return SamplingSolver(
        samples=case.config['N'],
        elites=case.config['K'],
        noise=WHITE,
        fit=fit,
        mean_candidate=mean_candidate,
    )
