"""Surprise: prediction errors against what is usual, and the context that predictions need."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from contracts import small_contract

from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.planning.surprise import SurpriseMonitor
from jepa_wm_ros.planning.window import ContextWindow
from jepa_wm_ros.worldmodel.latent import Latent


class MovingWorld:
    """z = position / 0.1 m; it goes on as fast as in the step before, plus a tenth of the action.

    Velocities show in two frames only, as they do in pictures.
    """

    def __init__(self, contract) -> None:
        self.contract = contract
        self.asked: list[tuple[Latent, torch.Tensor, torch.Tensor]] = []

    def rollout(self, context, past_actions, actions):
        self.asked.append((context, past_actions, actions))
        newest = context.tokens[:, -1]
        before = context.tokens[:, -2] if context.tokens.shape[1] > 1 else newest
        steps = (newest - before)[:, None, None] + (actions[..., None, :3] / 0.1).cumsum(2) / 10
        return Latent(newest[:, None, None] + steps.cumsum(2))


def at(*position: float) -> Latent:
    return Latent(torch.tensor(position)[None, None] / 0.1)


GOAL = at(0.3, 0.0, 0.0)


def policy(**planning) -> Policy:
    contract = dataclasses.replace(small_contract(planning), context=3)
    return Policy(MovingWorld(contract), seed=1)


def step(world: Policy, position: np.ndarray, velocity: np.ndarray, action: np.ndarray):
    velocity = velocity + action[:3] / 10
    return position + velocity, velocity


def test_the_last_observations_and_actions_reach_the_model() -> None:
    planner = policy()
    position, velocity = np.zeros(3), np.zeros(3)
    frames = []
    for _ in range(4):
        plan = planner.plan(at(*position), GOAL)
        frames.append(plan.context_frames)
        position, velocity = step(planner, position, velocity, plan.actions[0])
        planner.executed(plan.actions[0])
    context, past, _ = planner.model.asked[-1]
    assert frames == [1, 2, 3, 3]
    assert context.tokens.shape == (1, 3, 1, 3)
    assert past.shape == (1, 2, 7)
    done = torch.as_tensor(plan.actions[0], dtype=torch.float32)
    assert not torch.equal(past[0, -1], done)  # not observed yet
    planner.observe(at(*position))
    assert torch.equal(planner._window.context()[1][0, -1], done)
    planner.reset()
    assert planner.plan(at(*position), GOAL).context_frames == 1


def test_frames_that_do_not_follow_each_other_are_no_context() -> None:
    window = ContextWindow(3, 2)
    window.observed(at(0, 0, 0))
    window.executed(torch.ones(2))
    window.observed(at(1, 0, 0))
    window.observed(at(2, 0, 0))  # a second look at the same place
    assert window.frames == 2
    assert torch.equal(window.context()[0].tokens[0, :, 0, 0], torch.tensor([0.0, 20.0]))
    window.executed(torch.ones(2))
    window.executed(torch.ones(2))
    window.observed(at(3, 0, 0))
    assert window.frames == 1
    assert window.context()[1].shape == (1, 0, 2)


def test_what_the_model_knows_is_no_surprise_and_a_shove_is() -> None:
    planner = policy()
    position, velocity, rng = np.zeros(3), np.zeros(3), np.random.default_rng(0)
    seen = []
    for i in range(16):
        plan = planner.plan(at(*position), GOAL)
        seen.append(plan.surprise)
        position, velocity = step(planner, position, velocity, plan.actions[0])
        position = position + rng.normal(0, 1e-3, 3) + (0.1 if i == 14 else 0.0)
        planner.executed(plan.actions[0])
    assert seen[0] is None
    assert not any(one.flagged for one in seen[1:15])
    assert all(one.distance < 0.01 for one in seen[2:15])
    assert seen[15].flagged
    assert seen[15].distance == pytest.approx(1.0, rel=0.1)
    assert planner.surprise is seen[15]


def test_it_is_what_was_executed_that_counts_not_what_was_planned() -> None:
    planner = policy()
    planner.plan(at(0, 0, 0), GOAL)
    planner.executed(np.array([0.05, 0, 0, 0, 0, 0, 0]))
    surprise = planner.observe(at(0.005, 0, 0))
    assert surprise.distance == pytest.approx(0.0, abs=1e-9)
    for position in (0.013, 0.021):  # observed between plans
        planner.executed(np.array([0.03 if position < 0.02 else 0.0, 0, 0, 0, 0, 0, 0]))
        assert planner.observe(at(position, 0, 0)).distance == pytest.approx(0.0, abs=1e-9)


def test_a_surprise_is_relative_to_what_is_usual() -> None:
    for scale in (1e-6, 1.0, 1e6):
        monitor = SurpriseMonitor(window=20, threshold=6.0)
        usual = [monitor.update(scale * (1 + 0.1 * (i % 5))) for i in range(20)]
        assert not any(one.flagged for one in usual)
        assert usual[0].score == 0.0
        assert monitor.update(3 * scale).flagged
        assert not monitor.update(1.5 * scale).flagged
    assert monitor.update(float('nan')).flagged


def test_a_lasting_change_becomes_usual() -> None:
    monitor = SurpriseMonitor(window=10)
    for _ in range(10):
        monitor.update(1.0)
    flags = [monitor.update(5.0).flagged for _ in range(10)]
    assert flags[0]
    assert not flags[-1]
