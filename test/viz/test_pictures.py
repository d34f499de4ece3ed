import numpy as np
import pytest

from jepa_wm_ros.evaluation.palette import GOAL, PLANNER, rgb
from jepa_wm_ros.viz.overlay import captioned, notice, overlay
from jepa_wm_ros.viz.plots import CostSeries, cost_plot, landscape_plot

GREY = np.full((60, 100, 3), 128, np.uint8)
SEEN = slice(0, 60), slice(20, 80)


def places(picture, colour):
    """Rows and columns of the pixels of a colour."""
    return np.argwhere((picture == rgb(colour)).all(-1))


def series(costs):
    result = CostSeries(goal_id='g')
    result.times_s = [float(second) for second in range(len(costs))]
    result.now, result.planned, result.noop = list(costs), list(costs), [np.nan] * len(costs)
    return result


def test_the_map_shines_where_its_value_is_greatest_and_the_unseen_is_dim():
    values = np.zeros((6, 6))
    values[1, 4] = 2.0
    drawn = overlay(GREY, values, SEEN).astype(int)
    change = np.abs(drawn - 128).sum(-1)[SEEN]
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert (row // 10, column // 10) == (1, 4)
    assert drawn[30, 25].tolist() == [128] * 3  # nothing differs there
    assert drawn[30, 5].max() < 60


def test_a_map_of_nothing_leaves_the_seen_part_as_it_is():
    drawn = overlay(GREY, np.zeros((3, 3)), SEEN)
    np.testing.assert_array_equal(drawn[SEEN], GREY[SEEN])


def test_words_are_put_under_the_picture_and_not_over_it():
    drawn = captioned(GREY, 'distance 3.2')
    np.testing.assert_array_equal(drawn[:60], GREY)
    assert drawn[60:].min() < 150


def test_a_notice_is_readable():
    assert notice('no decoder\nhere').min() < 80


def test_a_falling_cost_is_drawn_as_a_falling_curve():
    curve = places(cost_plot(series([4.0, 2.0, 1.0, 0.5])), PLANNER)
    left = curve[curve[:, 1] < np.quantile(curve[:, 1], 0.1)][:, 0].mean()
    right = curve[curve[:, 1] > np.quantile(curve[:, 1], 0.9)][:, 0].mean()
    assert right > left + 30  # rows count downwards


@pytest.mark.parametrize('costs', [[], [1.0], [0.0, 0.0], [np.nan, 1.0, np.inf]])
def test_plots_of_too_little_or_no_numbers_are_pictures_all_the_same(costs):
    assert cost_plot(series(costs)).shape == (240, 420, 3)


def test_another_goal_begins_a_new_series(plan_at):
    costs = CostSeries()
    for stamp_s, goal in ((1.0, 'a'), (2.0, 'a'), (3.0, 'b'), (4.5, 'b')):
        costs.add(plan_at(stamp_s, goal))
    assert (costs.goal_id, costs.times_s) == ('b', [0.0, 1.5])
    costs.add(plan_at(0.1, 'b'))  # the clock was set back
    assert costs.times_s == [0.0]


def test_the_landscape_marks_the_plan_and_shines_where_costs_are_least():
    axis = np.linspace(-0.3, 0.3, 7)
    x, y = np.meshgrid(axis, axis, indexing='ij')
    costs = (x - 0.2) ** 2 + (y + 0.2) ** 2  # least far ahead and to the right
    drawn = landscape_plot(costs, np.stack([axis, axis]), np.array([-0.2, 0.2]))
    tiles = drawn[26:246, 52:272].astype(int).sum(-1)
    third = 220 // 3
    assert tiles[:third, -third:].mean() > tiles[-third:, :third].mean() + 200
    row, column = places(drawn, GOAL).mean(0)
    assert row > 180  # behind: below the middle
    assert column < 120  # to the left
