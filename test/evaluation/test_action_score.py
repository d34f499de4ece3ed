"""DROID's metric: where the arm would end up, compared with where it went."""

import numpy as np
import pytest

from jepa_wm_ros.evaluation.action_score import ActionScoreError, action_error, action_score


def test_the_same_end_by_another_way_is_no_error():
    expert = np.zeros((1, 3, 7))
    expert[0, :, 0] = (0.01, 0.02, 0.03)
    planned = expert[:, ::-1]
    assert action_error(planned, expert).total.tolist() == [pytest.approx(0.0)]


def test_errors_are_summed_over_the_fields_of_a_group():
    planned = np.zeros((2, 1, 7))
    expert = np.array([[[0.01, -0.02, 0.03, 0.1, 0.0, -0.1, 1.0]], [[0.0] * 7]])
    error = action_error(planned, expert)
    np.testing.assert_allclose(error.position, [0.06, 0.0])
    np.testing.assert_allclose(error.orientation, [0.2, 0.0])
    np.testing.assert_allclose(error.gripper, [1.0, 0.0])


def test_only_as_many_recorded_steps_count_as_were_planned():
    planned, expert = np.zeros((1, 2, 7)), np.zeros((1, 5, 7))
    expert[0, 2:] = 9.0
    assert action_error(planned, expert).total.tolist() == [0.0]


def test_the_score_is_80_for_no_error_and_0_from_10_cm_on():
    assert action_score([0.0]) == pytest.approx(80.0)
    assert action_score([0.05, 0.05]) == pytest.approx(40.0)
    assert action_score([0.1]) == pytest.approx(0.0)
    assert action_score([0.0, 0.4]) == 0.0  # of the mean error, not the mean of scores


def test_fewer_recorded_steps_than_planned_ones_are_refused():
    with pytest.raises(ActionScoreError, match='M >= m'):
        action_error(np.zeros((1, 3, 7)), np.zeros((1, 2, 7)))
