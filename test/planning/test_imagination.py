"""The way to a goal in the imagination of the model."""

import numpy as np
import pytest
import torch
from contracts import small_contract

from jepa_wm_ros.planning.imagination import Wish, imagine
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.planning.solver import SolverError
from jepa_wm_ros.worldmodel.latent import Latent


class PointModel:
    """The latent is a position, and an action moves it [0.1 m]."""

    def __init__(self):
        settings = {'samples': 48, 'elites': 6, 'horizon': 3, 'iterations': 4}
        self.contract = small_contract(settings, name='point', architecture={})
        self.rollouts = 0
        self.on_rollout = lambda: None
        self.scale = 1.0

    def rollout(self, context, past_actions, actions):
        self.rollouts += 1
        self.on_rollout()
        start = context.tokens[:, -1, None, None]
        moved = actions[..., None, :3].cumsum(2).transpose(-1, -2) / 0.1
        return Latent(tokens=(start + moved) * self.scale)


def at(*position):
    return Latent(tokens=torch.tensor(position).reshape(1, 3, 1))


@pytest.fixture
def policy():
    return Policy(PointModel())


def wish(*position, max_steps=20, reached_cost=0.02):
    return Wish(latent=at(*position), max_steps=max_steps, reached_cost=reached_cost)


def test_it_ends_where_the_goal_is_and_nothing_comes_after(policy):
    way = imagine(policy, at(0.0, 0.0, 0.0), [wish(2.0, -1.0, 0.5)])
    assert way.reached == (True,)
    np.testing.assert_allclose(way.actions[:, :3].sum(0), [0.2, -0.1, 0.05], atol=0.03)
    assert way.costs[-1] <= 0.02 < min(way.costs[:-1])
    assert way.cost_now > way.costs[-1]
    assert len(way.predicted.tokens) == len(way.actions) == len(way.subgoals)


def test_goals_are_visited_in_order_from_where_the_one_before_was_left(policy):
    way = imagine(policy, at(0.0, 0.0, 0.0), [wish(1.0, 0.0, 0.0), wish(1.0, 1.0, 0.0)])
    assert way.reached == (True, True)
    assert list(way.subgoals) == sorted(way.subgoals)
    second = np.array(way.subgoals) == 1
    assert way.actions[second, 1].sum() == pytest.approx(0.1, abs=0.03)
    assert abs(way.actions[second, 0].sum()) < 0.03


def test_budgets_end_it(policy):
    way = imagine(policy, at(0.0, 0.0, 0.0), [wish(9.0, 0.0, 0.0, max_steps=4)])
    assert (way.reached, len(way.actions)) == ((False,), 4)


def test_a_goal_that_is_reached_already_needs_no_plan(policy):
    way = imagine(policy, at(1.0, 0.0, 0.0), [wish(1.0, 0.0, 0.0)])
    assert (way.reached, way.actions.shape) == ((True,), (0, policy.model.contract.action.dim))
    assert policy.model.rollouts == 0


def test_a_plan_that_is_not_finite_is_an_error(policy):
    policy.model.scale = float('nan')
    with pytest.raises(SolverError, match='not finite'):
        imagine(policy, at(0.0, 0.0, 0.0), [wish(1.0, 0.0, 0.0)])


def test_an_interrupted_search_ends_after_an_iteration(policy):
    whole = policy.plan(at(0.0, 0.0, 0.0), at(1.0, 0.0, 0.0))
    policy.reset()
    policy.model.on_rollout = policy.interrupt
    cut = policy.plan(at(0.0, 0.0, 0.0), at(1.0, 0.0, 0.0))
    assert (whole.iterations, cut.iterations) == (4, 1)
    policy.model.on_rollout = lambda: None
    policy.reset()
    assert policy.plan(at(0.0, 0.0, 0.0), at(1.0, 0.0, 0.0)).iterations == 4


def test_steps_that_passed_move_the_warm_start_on(policy):
    policy.plan(at(0.0, 0.0, 0.0), at(5.0, 0.0, 0.0))
    warm = policy._warm.clone()
    policy.passed(1)
    torch.testing.assert_close(policy._warm[:, :-1], warm[:, 1:])
    assert policy.plan(at(0.7, 0.0, 0.0), at(5.0, 0.0, 0.0)).surprise is None
