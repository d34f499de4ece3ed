"""Exploratory actions that are chosen before an episode begins."""

import numpy as np
import pytest

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.sim.exploration import journey

BOUND = np.array([0.08, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0])


def made(number, seed=0, steps=30):
    rng = np.random.default_rng([seed, number])
    start = rng.uniform(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper)
    return start, journey(number, rng, start, steps, BOUND, WORKSPACE_CELL)


@pytest.mark.parametrize('number', range(12))
def test_every_action_can_be_executed_as_it_is(number):
    start, actions = made(number)
    assert actions.shape == (30, 7)
    assert (np.abs(actions) <= BOUND + 1e-12).all()
    way = start + np.cumsum(actions[:, :3], axis=0)
    assert (way >= WORKSPACE_CELL.lower - 1e-9).all()
    assert (way <= WORKSPACE_CELL.upper + 1e-9).all()


def test_an_episode_depends_on_seed_and_number_alone():
    np.testing.assert_array_equal(made(3)[1], made(3)[1])
    assert not np.array_equal(made(3)[1], made(4)[1])
    assert not np.array_equal(made(3)[1], made(3, seed=1)[1])


def test_the_arm_goes_places():
    """Together the episodes see most of the workspace."""
    ways = [start + np.cumsum(actions[:, :3], axis=0) for start, actions in map(made, range(20))]
    seen = np.concatenate(ways)
    spread = np.ptp(seen, axis=0) / (WORKSPACE_CELL.upper - WORKSPACE_CELL.lower)
    assert (spread > 0.95).all()
