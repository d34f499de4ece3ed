import numpy as np
import pytest

from jepa_wm_ros.evaluation.episodes import EpisodeError, EpisodeSettings, draw_episode
from jepa_wm_ros.robot.limits import WORKSPACE_CELL, Workspace


def test_an_episode_does_not_depend_on_how_many_there_are():
    few = draw_episode(EpisodeSettings(episodes=8), 7)
    many = draw_episode(EpisodeSettings(episodes=500, variation='seen'), 7)
    np.testing.assert_array_equal(few.start, many.start)
    np.testing.assert_array_equal(few.goal, many.goal)
    assert few.generator('policy').random() == many.generator('policy').random()


def test_episodes_and_purposes_have_different_randomness():
    settings = EpisodeSettings()
    first, second = draw_episode(settings, 0), draw_episode(settings, 1)
    numbers = {
        draw.generator(stream).random()
        for draw in (first, second)
        for stream in ('looks', 'environment', 'policy')
    }
    assert len(numbers) == 6
    assert not np.allclose(first.goal, second.goal)


def test_another_seed_draws_other_episodes():
    assert not np.allclose(
        draw_episode(EpisodeSettings(seed=1), 0).goal,
        draw_episode(EpisodeSettings(seed=2), 0).goal,
    )


def test_starts_are_far_enough_and_inside_the_workspace():
    settings = EpisodeSettings()
    draws = [draw_episode(settings, index) for index in range(300)]
    assert min(draw.start_distance_m for draw in draws) >= 0.15
    assert 0.25 < np.mean([draw.start_distance_m for draw in draws]) < 0.36
    assert all(WORKSPACE_CELL.contains(p) for draw in draws for p in (draw.start, draw.goal))


def test_a_workspace_that_is_too_small_is_an_error():
    box = Workspace(lower=np.zeros(3), upper=np.full(3, 0.05))
    with pytest.raises(EpisodeError, match='smaller start_distance_m'):
        draw_episode(EpisodeSettings(), 0, box)


@pytest.mark.parametrize(
    'changes',
    [
        {'episodes': 0},
        {'steps': 0},
        {'seed': -1},
        {'variation': 'some'},
        {'goal_appearance': 'odd'},
        {'start_distance_m': float('nan')},
    ],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(EpisodeError, match=next(iter(changes))):
        EpisodeSettings(**changes)
