"""The rotation between plans and motions: planted, recovered, doubted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.calibration import (
    CalibrationError,
    CalibrationLimits,
    check_rotation,
    fit_rotation,
    turned,
)
from jepa_wm_ros.robot.poses import Pose, apply_action, rotation_from_vector

LIMITS = CalibrationLimits()


def moves(count=12, seed=0, size=0.05):
    return np.random.default_rng(seed).uniform(-size, size, (count, 3))


@given(st.floats(-math.pi, math.pi))
def test_a_planted_yaw_is_recovered(yaw):
    planned = moves()
    rotation = rotation_from_vector([0.0, 0.0, yaw])
    fit = fit_rotation(planned, planned @ rotation.T)
    assert np.allclose(fit.rotation, rotation, atol=1e-9)
    assert fit.expected_error_rad < 1e-6
    assert fit.explained == pytest.approx(1.0)


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_a_planted_rotation_about_any_axis_is_recovered(vector):
    planned = moves()
    rotation = rotation_from_vector(vector)
    fit = fit_rotation(planned, planned @ rotation.T, 'any')
    assert np.allclose(fit.rotation, rotation, atol=1e-7)
    assert np.allclose(rotation_from_vector(fit.vector), rotation, atol=1e-7)


def test_short_plans_show_in_the_gain_and_not_in_the_rotation():
    planned = moves()
    rotation = rotation_from_vector([0.0, 0.0, 0.4])
    fit = fit_rotation(0.5 * planned, planned @ rotation.T, 'any')
    assert fit.gain == pytest.approx(2.0)
    assert np.allclose(fit.rotation, rotation)
    assert fit.residual_m < 1e-9 < fit.uncorrected_m


@pytest.mark.parametrize('about', ['z', 'any'])
def test_the_expected_error_is_the_one_that_happens(about):
    rotation, errors, expected = rotation_from_vector([0.0, 0.0, 0.35]), [], []
    for seed in range(200):
        planned = moves(seed=seed)
        noise = np.random.default_rng(1000 + seed).normal(0.0, 0.008, planned.shape)
        fit = fit_rotation(planned, planned @ rotation.T + noise, about)
        left = fit.rotation @ rotation.T
        errors.append(math.acos(min(1.0, (np.trace(left) - 1) / 2)))
        expected.append(fit.expected_error_rad)
    happened = math.sqrt(np.mean(np.square(errors)))
    assert np.sqrt(np.mean(np.square(expected))) == pytest.approx(happened, rel=0.25)


def test_one_wild_move_is_left_out():
    planned = moves(count=12)
    rotation = rotation_from_vector([0.0, 0.0, 0.35])
    executed = planned @ rotation.T + np.random.default_rng(1).normal(0, 0.001, planned.shape)
    executed[3] = -executed[3]
    fit = fit_rotation(planned, executed)
    assert fit.outliers >= 1
    assert math.degrees(abs(fit.angle_rad - 0.35)) < 2.0


@pytest.mark.parametrize('about', ['z', 'any'])
def test_a_mirrored_picture_is_noticed(about):
    planned = moves()
    with pytest.raises(CalibrationError, match='flipped'):
        fit_rotation(planned, planned * [1.0, -1.0, 1.0], about)


def test_moves_in_one_direction_are_ill_conditioned():
    planned = moves() * [1.0, 0.05, 1.0]
    faults = fit_rotation(planned, planned).faults(LIMITS)
    assert len(faults) == 1
    assert 'ill-conditioned' in faults[0]


def test_plans_that_have_nothing_to_do_with_the_motion_are_refused():
    noise = np.random.default_rng(5)
    fit = fit_rotation(noise.normal(0, 0.03, (12, 3)), noise.normal(0, 0.03, (12, 3)), 'any')
    assert any('does not understand' in fault for fault in fit.faults(LIMITS))


def test_good_moves_have_no_faults():
    assert fit_rotation(moves(), moves()).faults(LIMITS) == []


@pytest.mark.parametrize(
    ('planned', 'executed', 'about', 'words'),
    [
        (moves(3), moves(3), 'z', '4 are needed'),
        (moves(), 0.01 * moves(), 'z', 'not a dry run'),
        (moves(), moves(11), 'z', r'\(K, 3\)'),
        (moves() * math.nan, moves(), 'z', 'not finite'),
        (moves(), moves(), 'x', 'about must be one of z, any'),
    ],
)
def test_moves_that_say_nothing_are_refused(planned, executed, about, words):
    with pytest.raises(CalibrationError, match=words):
        fit_rotation(planned, executed, about)


@given(st.integers(0, 2**31))
def test_turned_actions_do_in_the_turned_frame_what_they_did(seed):
    rng = np.random.default_rng(seed)
    rotation = rotation_from_vector(rng.normal(0.0, 1.0, 3))
    actions = rng.uniform(-0.3, 0.3, (3, 7))
    pose = Pose(rng.normal(0.0, 0.3, 3), rotation_from_vector(rng.normal(0.0, 1.0, 3)))
    seen = Pose(rotation @ pose.position, rotation @ pose.rotation)
    for plain, other in zip(actions, turned(actions, rotation), strict=True):
        pose, seen = apply_action(pose, plain), apply_action(seen, other)
        assert other[6] == plain[6]
        assert np.allclose(rotation @ pose.position, seen.position)
        assert np.allclose(rotation @ pose.rotation, seen.rotation)


def test_turning_leaves_what_is_not_finite_to_the_supervisor():
    actions = np.full((2, 7), math.nan)
    assert np.isnan(turned(actions, np.eye(3))).all()


@pytest.mark.parametrize('matrix', [np.zeros((3, 3)), -np.eye(3), 2 * np.eye(3), np.eye(2), [1]])
def test_what_is_no_rotation_is_refused(matrix):
    with pytest.raises(CalibrationError, match='orthogonal'):
        check_rotation(matrix)
