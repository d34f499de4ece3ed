"""What a plan tells about itself, and what it costs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from contracts import SMALL, small_contract

from jepa_wm_ros.planning.objective import GoalDistance, goal_set
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS
from jepa_wm_ros.worldmodel.search_settings import GroupSettings, PinSettings


class CountingWorld:
    """z' = z + translation / 0.1 m, which counts the candidates that it is asked about."""

    def __init__(self, contract=SMALL) -> None:
        self.contract = contract
        self.asked: list[int] = []

    def rollout(self, context, past_actions, actions):
        self.asked.append(actions.shape[1])
        start = context.tokens[:, -1, None, None]
        return Latent(start + actions[..., None, :3].cumsum(2) / 0.1)


def at(*position: float) -> Latent:
    return Latent(torch.tensor(position)[None, None] / 0.1)


START, GOAL = at(0.0, 0.0, 0.0), at(0.2, 0.05, 0.0)


def planned(goal: Latent = GOAL, **planning):
    model = CountingWorld(small_contract(planning))
    return Policy(model, seed=3).plan(START, goal, deadline_s=1e9), model


@pytest.mark.parametrize('name', SOLVERS)
def test_every_solver_gives_the_whole_evidence(name) -> None:
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    plan, _ = planned(solver=name, iterations=5, samples=16, evidence_elites=3)
    horizon = SMALL.planning.horizon
    assert plan.elites.shape == (3, horizon, 7)
    assert plan.elite_costs == sorted(plan.elite_costs)
    assert plan.elite_predicted.tokens.shape == (3, horizon, 1, 3)
    along = START.tokens[0] + torch.as_tensor(plan.actions[:, None, :3]).cumsum(0) / 0.1
    assert torch.allclose(plan.predicted.tokens.double(), along, atol=1e-5)
    elites = START.tokens[0] + torch.as_tensor(plan.elites[:, :, None, :3]).cumsum(1) / 0.1
    assert torch.allclose(plan.elite_predicted.tokens.double(), elites, atol=1e-5)
    still = Latent(START.tokens[:, None, None].expand(1, 1, horizon, 1, 3))
    assert plan.cost_noop == pytest.approx(float(GoalDistance()(still, GOAL)), rel=1e-5)
    judged = Latent(plan.predicted.tokens[None, None])
    assert plan.cost == pytest.approx(float(GoalDistance()(judged, GOAL)), rel=1e-4)
    refined = SMALL.planning.refine_steps if name == 'hybrid' else 0
    for trace in (
        plan.best_per_iteration,
        plan.elite_mean_per_iteration,
        plan.elite_std_per_iteration,
    ):
        assert len(trace) == plan.iterations == 5 + refined
    parts = plan.rollout_time_s + plan.objective_time_s + plan.solver_time_s
    assert parts == pytest.approx(plan.plan_time_s)
    assert min(plan.rollout_time_s, plan.objective_time_s, plan.solver_time_s) > 0


def test_the_evidence_costs_no_roll_out_of_its_own() -> None:
    _, model = planned(samples=20, elites=4, iterations=3)
    assert model.asked == [21, 20, 20, 1]  # doing nothing is the 21st


@pytest.mark.parametrize('solver', ['cem', 'adam', 'lbfgs'])
def test_chunks_change_the_memory_and_nothing_else(solver) -> None:
    plans = {}
    for chunk in (0, 7, 1):
        plans[chunk], model = planned(
            solver=solver, samples=12, elites=4, iterations=3, chunk=chunk
        )
        assert chunk == 0 or max(model.asked) <= chunk
    for chunk in (7, 1):
        assert np.allclose(plans[chunk].actions, plans[0].actions, atol=1e-6)
        assert np.allclose(plans[chunk].elites, plans[0].elites, atol=1e-6)
        assert plans[chunk].cost_noop == plans[0].cost_noop
        assert torch.allclose(
            plans[chunk].elite_predicted.tokens, plans[0].elite_predicted.tokens, atol=1e-5
        )


def test_another_goal_makes_the_last_plan_worthless() -> None:
    policy = Policy(CountingWorld(), seed=3)
    policy.plan(START, GOAL)
    warm = policy._warm
    policy.plan(START, Latent(GOAL.tokens.clone()))
    assert policy._warm is not warm
    assert policy._progress._stalled == 1  # the same goal, and no nearer
    other = at(-0.2, 0.0, 0.0)
    policy._warm = torch.full_like(warm, 0.08)
    policy._aim(other)
    assert policy._warm is None
    assert policy._progress._stalled == 0


def test_a_deadline_gives_a_plan_of_what_was_done() -> None:
    model = CountingWorld()
    plan = Policy(model, seed=3).plan(START, GOAL, deadline_s=0.0)
    assert (plan.stopped, plan.deadline_hit, plan.iterations) == ('deadline', True, 1)
    assert plan.finite
    assert plan.cost < plan.cost_noop


@pytest.mark.parametrize(
    ('noop', 'worse'), [(1e-3, False), (0.0, False), (-1e-3, True), (float('nan'), False)]
)
def test_a_plan_is_compared_with_doing_nothing(noop: float, worse: bool) -> None:
    plan, _ = planned(GOAL)
    plan = dataclasses.replace(plan, cost_noop=plan.cost + noop)
    assert plan.worse_than_nothing is worse


def test_the_nearer_of_two_goals_is_gone_to() -> None:
    plan, _ = planned(goal_set([at(0.6, 0, 0), at(-0.1, 0, 0)]), iterations=10)
    assert plan.actions[:, 0].sum() == pytest.approx(-0.1, abs=0.04)


def test_groups_pins_and_dead_zones_hold_for_plans() -> None:
    groups = (
        GroupSettings(fields=('dx', 'dy'), ball='l2', radius=0.03),
        GroupSettings(fields=('dz',), dead_zone=0.05),
    )
    pins = (PinSettings(field='dgripper', value=1.0, from_step=2),)
    plan, _ = planned(groups=groups, pins=pins)
    assert np.linalg.norm(plan.actions[:, :2], axis=1).max() <= 0.03 + 1e-6
    assert np.linalg.norm(plan.actions[0, :2]) > 0.025
    assert (plan.actions[:, 2] == 0).all()
    assert plan.actions[:, 6].tolist() == [0, 0, 1, 1, 1, 1]
    judged = Latent(plan.predicted.tokens[None, None])
    assert plan.cost == pytest.approx(float(GoalDistance()(judged, GOAL)), rel=1e-4)


def test_a_search_can_begin_in_the_centre_of_the_bounds() -> None:
    lower = (0.0, -0.08, -0.08, 0.0, 0.0, 0.0, 0.0)
    starts = {}
    for mean in ('zero', 'centre'):
        contract = small_contract({'lower': lower, 'initial_mean': mean})
        policy = Policy(CountingWorld(contract))
        starts[mean] = policy._distribution(1.0, restarted=False).mean[0, 0, 0].item()
    assert starts == {'zero': 0.0, 'centre': pytest.approx(0.04)}


def test_several_controls_make_one_action() -> None:
    action = dataclasses.replace(SMALL.action, frame_skip=2)
    contract = dataclasses.replace(SMALL, action=action)
    plan = Policy(CountingWorld(contract), seed=3).plan(START, GOAL)
    assert plan.actions.shape == (6, 14)
    assert np.abs(plan.actions[:, 7:10]).max() > 0
