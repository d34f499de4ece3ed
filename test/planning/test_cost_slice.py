import numpy as np
import pytest
import torch
from contracts import small_contract

from jepa_wm_ros.planning.cost_slice import cost_slice
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.planning.thought import Thought
from jepa_wm_ros.worldmodel.latent import Latent


class Point:
    """A world model whose latent is the position [0.1 m]."""

    def __init__(self):
        self.contract = small_contract({'horizon': 2, 'reduction': 'last'})

    def rollout(self, context, past_actions, actions):
        start = context.tokens[:, -1, None, None]
        return Latent(tokens=start + actions[..., None, :3].cumsum(2) / 0.1)


@pytest.fixture
def thought():
    policy = Policy(Point())
    here, there = torch.zeros(1, 1, 3), torch.tensor([[[0.8, -1.2, 0.4]]])
    plan = policy.plan(Latent(tokens=here), Latent(tokens=there))
    return Thought(plan=plan, question=policy.question, space=policy.space, judge=policy.judge)


def test_the_slice_is_the_cost_of_going_there(thought):
    found = cost_slice(thought, points=5)
    np.testing.assert_allclose(found.axes, [np.linspace(-0.16, 0.16, 5)] * 2, atol=1e-6)
    x, y = np.meshgrid(*found.axes, indexing='ij')
    up = thought.plan.actions[:, 2].sum()
    offsets = np.stack([x - 0.08, y + 0.12, np.full_like(x, up - 0.04)]) / 0.1
    np.testing.assert_allclose(found.costs, (offsets**2).mean(0), rtol=1e-4, atol=1e-6)


def test_the_plan_lies_where_its_actions_lead(thought):
    found = cost_slice(thought, points=3)
    np.testing.assert_allclose(found.planned, thought.plan.actions[:, :2].sum(0), atol=1e-6)


def test_another_plane_has_other_axes(thought):
    found = cost_slice(thought, points=4, fields=(0, 2))
    best = np.unravel_index(found.costs.argmin(), found.costs.shape)
    assert abs(found.axes[1, best[1]] - 0.04) < 0.06


def test_looking_at_a_plan_changes_nothing_for_the_next(thought):
    def next_plan(look):
        policy = Policy(Point())
        here, there = Latent(tokens=torch.zeros(1, 1, 3)), Latent(tokens=torch.ones(1, 1, 3))
        policy.plan(here, there)
        if look:
            cost_slice(
                Thought(
                    plan=thought.plan,
                    question=policy.question,
                    space=policy.space,
                    judge=policy.judge,
                )
            )
        return policy.plan(here, there).actions

    np.testing.assert_array_equal(next_plan(look=True), next_plan(look=False))
