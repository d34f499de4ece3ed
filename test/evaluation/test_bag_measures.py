"""Measures of windows, against numbers computed by hand."""

import math

import numpy as np
import pytest

from jepa_wm_ros.evaluation.bags.measures import (
    cosines,
    falling,
    gripper_agreement,
    window_measures,
)
from jepa_wm_ros.evaluation.bags.summary import verdict
from jepa_wm_ros.evaluation.bags.windows import WindowRecord
from jepa_wm_ros.evaluation.statistics import StatisticsError, bootstrap_interval


def record(planned, executed, **changes):
    numbers = dict.fromkeys(
        (
            'stamp_s', 'offset_s', 'energy_planned', 'energy_executed', 'energy_noop',
            'energy_grid', 'rank', 'plan_time_s', 'saturation',
        ),
        0.0,
    )  # fmt: skip
    lists = {'goal_distances': [3.0, 1.0, 2.0, 0.0], 'rollout_error': [0.0], 'copy_error': [0.0]}
    return WindowRecord(
        piece=0, frame=0, planned=planned, executed=executed, **{**numbers, **lists, **changes}
    )


def test_action_errors_are_differences_of_sums():
    a = record([[0.02, 0, 0, 0.1, 0, 0, 0], [0.02, 0, 0, 0, 0, 0, 1]], [[0.01] * 3 + [0] * 4] * 2)
    b = record([[0.0] * 7] * 2, [[0, 0, 0.03, 0, 0, 0, -0.5]] * 2)
    measures = window_measures([a, b])
    # sums: planned (4, 0, 0) cm against (2, 2, 2) cm
    assert measures['axis_x_m'] == pytest.approx([0.02, 0.0])
    assert measures['position_error_m'] == pytest.approx([0.06, 0.06])
    assert measures['rotation_error_rad'] == pytest.approx([0.1, 0.0])
    assert measures['gripper_error'] == pytest.approx([1.0, 1.0])
    assert measures['noop_position_error_m'] == pytest.approx([0.06, 0.06])
    # the plan of the one against the deed of the other: |4 - 0| + |0 - 6| cm
    assert measures['shuffled_position_error_m'] == pytest.approx([0.10, 0.06])
    assert measures['gain_over_noop_m'] == pytest.approx([0.0, 0.0])
    assert measures['gain_over_shuffled_m'] == pytest.approx([0.04, 0.0])
    assert measures['cosine'] == pytest.approx([1 / math.sqrt(3), 0.0])
    assert measures['monotonicity'] == pytest.approx([2 / 3, 2 / 3])


def test_directions_of_short_moves_do_not_count():
    planned, done = np.array([[0.1, 0, 0]] * 2), np.array([[0.0, 0.004, 0], [-0.1, 0, 0]])
    assert np.isnan(cosines(planned, done)).tolist() == [True, False]
    assert cosines(planned, done)[1] == pytest.approx(-1.0)


def test_the_gripper_agrees_where_it_moves_the_same_way():
    planned, done = np.array([1.0, -1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.5, 0.05])
    agreement = gripper_agreement(planned, done)
    assert agreement[:3].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(agreement[3])


def test_monotonicity_is_the_part_of_falling_steps():
    assert falling([4, 3, 2, 1]) == 1.0
    assert falling([1, 2, 1]) == 0.5


def test_a_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(100):
        values = rng.normal(size=40)
        low, high = bootstrap_interval(values, np.arange(40), seed=seed, draws=300)
        covered += low <= 0.0 <= high
    assert 85 <= covered <= 99


def test_values_of_one_block_are_drawn_together():
    values = np.repeat(np.random.default_rng(0).normal(size=10), 20)
    low, high = bootstrap_interval(values, np.repeat(np.arange(10), 20))
    narrow = bootstrap_interval(values, np.arange(200))
    assert high - low > 2 * (narrow[1] - narrow[0])


def test_a_bootstrap_of_nothing_is_refused():
    with pytest.raises(StatisticsError):
        bootstrap_interval(np.zeros(0), np.zeros(0, int))


@pytest.mark.parametrize(
    ('noop', 'shuffled', 'done', 'word'),
    [
        (0.01, 0.01, 1.0, 'follows'),
        (-0.01, 0.01, 1.0, 'NOT USABLE: plans are no better than standing still'),
        (0.01, -0.01, 1.0, 'NOT USABLE: plans are no nearer'),
        (0.01, 0.01, 3.0, 'DOUBTFUL'),
    ],
)
def test_the_verdict_goes_by_gains_within_windows(noop, shuffled, done, word):
    figures = {
        'gain_over_noop_m_interval': [noop, 1.0],
        'gain_over_shuffled_m_interval': [shuffled, 1.0],
        'energy_executed': done,
        'energy_noop': 2.0,
    }
    assert verdict(figures).startswith(word)
