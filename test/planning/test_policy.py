"""The receding-horizon policy, on a world whose latent is the position itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from jepa_wm_ros.planning.objective import GoalDistance, ObjectiveError
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS


class PointWorld:
    """A world model with z = position / 0.1 m, and z' = z + translation / 0.1 m."""

    def __init__(self, contract) -> None:
        self.contract = contract

    def encode(self, images, proprio=None):
        raise NotImplementedError

    def rollout(self, context, past_actions, actions):
        start = context.tokens[:, -1, None, None]
        return Latent(tokens=start + actions[..., None, :3].cumsum(2) / 0.1)


@pytest.fixture
def policy(small_contract) -> Policy:
    return Policy(PointWorld(small_contract), seed=3)


def at(*position: float) -> Latent:
    return Latent(tokens=torch.tensor(position)[None, None] / 0.1)


def walk(policy: Policy, goal: Latent, steps: int = 12) -> np.ndarray:
    position = np.zeros(3)
    for _ in range(steps):
        plan = policy.plan(at(*position), goal)
        position = position + plan.actions[0, :3]
        policy.executed(plan.actions[0])
    return position


def test_it_arrives(policy: Policy) -> None:
    assert np.allclose(walk(policy, at(0.2, -0.3, 0.05)), [0.2, -0.3, 0.05], atol=0.005)


def test_actions_stay_within_the_contract_and_pinned_ones_at_zero(policy: Policy) -> None:
    plan = policy.plan(at(0, 0, 0), at(1, 1, 1))
    assert np.abs(plan.actions[:, :3]).max() <= 0.08 + 1e-7
    assert (plan.actions[:, 3:] == 0).all()
    assert plan.saturation > 0.5


def test_the_plan_carries_its_evidence(policy: Policy) -> None:
    plan = policy.plan(at(0, 0, 0), at(0.2, 0, 0))
    assert plan.cost < plan.cost_noop
    assert plan.cost_now == pytest.approx(4 / 3)
    assert plan.cost_noop == pytest.approx(6 * 4 / 3)
    assert len(plan.best_per_iteration) == plan.iterations == 4
    assert plan.predicted.tokens.shape == (6, 1, 3)
    assert plan.finite
    assert plan.plan_time_s > 0


def test_reset_makes_it_repeatable(policy: Policy) -> None:
    first = policy.plan(at(0, 0, 0), at(0.2, 0, 0)).actions
    second = policy.plan(at(0, 0, 0), at(0.2, 0, 0)).actions
    policy.reset()
    assert np.array_equal(policy.plan(at(0, 0, 0), at(0.2, 0, 0)).actions, first)
    assert not np.array_equal(first, second)


def test_a_plan_from_nan_is_not_finite(policy: Policy) -> None:
    plan = policy.plan(at(float('nan'), 0, 0), at(0.2, 0, 0))
    assert not plan.finite


def test_it_starts_afresh_when_the_distance_stops_falling(policy: Policy) -> None:
    plans = []
    for _ in range(5):
        plans.append(policy.plan(at(0, 0, 0), at(0.3, 0, 0)))
        policy.executed(plans[-1].actions[0])
    assert [plan.restarted for plan in plans] == [False, False, False, True, False]


def test_at_the_goal_it_does_not_start_afresh(small_contract) -> None:
    planning = dataclasses.replace(small_contract.planning, reached_cost=0.1)
    policy = Policy(PointWorld(small_contract), planning, seed=3)
    for _ in range(8):
        assert not policy.plan(at(0, 0, 0), at(0.01, 0, 0)).restarted


def test_an_action_that_is_not_finite_is_no_execution(policy: Policy) -> None:
    with pytest.raises(ValueError, match='finite'):
        policy.executed(np.full(7, np.nan))


def test_objectives_by_hand() -> None:
    predicted = Latent(tokens=torch.tensor([[[[[3.0, 0.0]], [[1.0, 1.0]]]]]))  # (1, 1, 2, 1, 2)
    goal = Latent(tokens=torch.tensor([[[1.0, 0.0]]]))
    assert GoalDistance(distance_name='l2', reduction='sum')(predicted, goal).item() == 2.5
    assert GoalDistance(distance_name='l2', reduction='last')(predicted, goal).item() == 0.5
    assert GoalDistance(distance_name='l1', reduction='mean')(predicted, goal).item() == 0.75
    cosine = GoalDistance(distance_name='cosine', reduction='last')(predicted, goal).item()
    assert cosine == pytest.approx(1 - 2**-0.5)


def test_proprioception_counts_with_its_weight() -> None:
    predicted = Latent(tokens=torch.zeros(1, 1, 1, 1, 2), proprio=torch.ones(1, 1, 1, 3))
    goal = Latent(tokens=torch.zeros(1, 1, 2), proprio=torch.zeros(1, 3))
    assert GoalDistance(proprio_weight=0.5)(predicted, goal).item() == 0.5
    assert GoalDistance(proprio_weight=0.0)(predicted, goal).item() == 0.0


def test_latents_of_different_models_are_not_compared() -> None:
    with pytest.raises(ObjectiveError, match='different models'):
        GoalDistance().distance(at(0, 0, 0), Latent(tokens=torch.zeros(1, 1, 64)))


@pytest.mark.parametrize('name', SOLVERS)
def test_each_solver_makes_it_arrive(small_contract, name) -> None:
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    planning = dataclasses.replace(small_contract.planning, solver=name, iterations=8)
    policy = Policy(PointWorld(small_contract), planning, seed=3)
    assert np.allclose(walk(policy, at(0.1, -0.15, 0.05)), [0.1, -0.15, 0.05], atol=0.01)


@pytest.mark.parametrize('name', ['cem', 'adam'])
def test_latents_made_in_inference_mode_can_be_planned_with(small_contract, name) -> None:
    planning = dataclasses.replace(small_contract.planning, solver=name)
    with torch.inference_mode():
        start, goal = at(0, 0, 0), at(0.2, 0, 0)
        inside = Policy(PointWorld(small_contract), planning).plan(start, goal)
    outside = Policy(PointWorld(small_contract), planning).plan(start, goal)
    assert np.array_equal(inside.actions, outside.actions)
    assert outside.cost < outside.cost_noop


def test_without_a_warm_start_a_plan_does_not_know_the_last_one(small_contract) -> None:
    costs = {}
    for warm in (True, False):
        planning = dataclasses.replace(
            small_contract.planning, warm_start=warm, iterations=1, spread_floor=1.0
        )
        policy = Policy(PointWorld(small_contract), planning, seed=3)
        plans = [policy.plan(at(0, 0, 0), at(0.3, 0, 0)) for _ in range(3)]
        costs[warm] = [plan.cost for plan in plans]
    assert costs[True][0] == costs[False][0]
    assert costs[True][2] <= costs[True][1] <= costs[True][0]
    assert costs[True][2] < costs[False][2]


def test_icem_tries_the_elites_of_the_last_plan_moved_on(small_contract) -> None:
    planning = dataclasses.replace(small_contract.planning, solver='icem', kept_elites=1.0)
    policy = Policy(PointWorld(small_contract), planning, seed=3)
    policy.plan(at(0, 0, 0), at(0.3, 0, 0))
    before = policy._distribution(1.0, restarted=False).seeds
    policy.executed(np.zeros(7))
    after = policy._distribution(1.0, restarted=False).seeds
    assert before.shape == (1, small_contract.planning.elites, 6, 7)
    assert torch.equal(after[..., :-1, :], before[..., 1:, :])
    assert bool((after[..., -1, :] == 0).all())
    policy.reset()
    assert policy._distribution(1.0, restarted=False).seeds is None


def test_the_dearer_motion_is_the_smaller_it_becomes(small_contract) -> None:
    sizes = []
    for weight in (0.0, 1.0, 100.0):
        planning = dataclasses.replace(small_contract.planning, action_weight=weight)
        policy = Policy(PointWorld(small_contract), planning, seed=3)
        sizes.append(np.abs(policy.plan(at(0, 0, 0), at(0.1, 0, 0)).actions).sum())
    assert sizes[0] > 1.5 * sizes[2]
    assert sizes[1] > sizes[2]
