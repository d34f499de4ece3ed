import numpy as np
import pytest

from jepa_wm_ros.evaluation.closed_loop import run_closed_loop
from jepa_wm_ros.evaluation.episodes import EpisodeSettings, draw_episode
from jepa_wm_ros.evaluation.policies import (
    Decision,
    NothingPolicy,
    PlannerPolicy,
    PolicyError,
    RandomPolicy,
)

BOUND = np.array([0.08, 0.08, 0.08, 0, 0, 0, 0])


class Oracle:
    """Knows the goals of all episodes; what a perfect planner would do."""

    looks = True

    def __init__(self, settings):
        self._goals = iter([draw_episode(settings, i).goal for i in range(settings.episodes)])

    def begin(self, goal_picture, rng):
        assert goal_picture is not None
        self._goal = next(self._goals)

    def act(self, observation):
        action = np.zeros(7)
        action[:3] = np.clip(self._goal - observation.pose.position, -0.08, 0.08)
        return Decision(action=action, cost=1.0)


@pytest.fixture
def play(cell):
    return lambda policy, settings, *which: list(run_closed_loop(cell, policy, settings, *which))


def test_a_perfect_policy_ends_at_every_goal_after_all_steps(play):
    settings = EpisodeSettings(episodes=5, steps=12)
    for record in play(Oracle(settings), settings):
        assert len(record.steps) == 12
        assert record.start_distance_m >= 0.15
        assert record.final_distance_m == pytest.approx(0.0, abs=1e-9)


def test_doing_nothing_stays_where_it_started(play):
    settings = EpisodeSettings(episodes=3, steps=4)
    for record in play(NothingPolicy(), settings):
        assert record.final_distance_m == record.start_distance_m >= 0.15


def test_random_actions_fill_the_bounds_and_repeat_with_the_seed(play):
    settings = EpisodeSettings(episodes=20)
    records = play(RandomPolicy(-BOUND, BOUND), settings)
    actions = np.array([step.action for record in records for step in record.steps])
    assert (np.abs(actions) <= BOUND).all()
    assert actions[:, :3].std() == pytest.approx(0.16 / np.sqrt(12), rel=0.05)
    again = play(RandomPolicy(-BOUND, BOUND), settings)
    assert [record.distances_m for record in records] == [record.distances_m for record in again]


def test_one_episode_alone_is_the_same_as_among_others(play):
    settings = EpisodeSettings(episodes=6)
    together = play(RandomPolicy(-BOUND, BOUND), settings)
    alone = play(RandomPolicy(-BOUND, BOUND), settings, [4])
    assert alone[0] == together[4]


def test_policies_that_do_not_look_cost_no_pictures(cell, play):
    play(NothingPolicy(), EpisodeSettings(episodes=2, steps=2))
    assert cell.pictures == 0


def test_the_planner_reaches_goals_that_it_knows_by_picture_only(point_model, play):
    settings = EpisodeSettings(episodes=4)
    for record in play(PlannerPolicy(point_model), settings):
        assert record.final_distance_m < 0.03
        assert record.steps[0].cost > record.steps[-1].cost


def test_the_planner_looks_again_only_after_the_steps_that_it_executes(point_model, play):
    settings = EpisodeSettings(episodes=1, steps=6)
    (record,) = play(PlannerPolicy(point_model), settings)
    looked = [step.plan_time_s is not None for step in record.steps]
    assert looked == [True, False, True, False, True, False]
    assert point_model.seen == 1 + 3


def test_planned_episodes_repeat_with_the_seed(point_model, play):
    settings = EpisodeSettings(episodes=3, steps=5)
    first = play(PlannerPolicy(point_model), settings)
    again = play(PlannerPolicy(point_model), settings, [2])
    assert first[2].distances_m == again[0].distances_m


def test_a_planner_without_a_goal_refuses(point_model, cell):
    with pytest.raises(PolicyError, match='needs a goal picture'):
        PlannerPolicy(point_model).begin(None, np.random.default_rng(0))
