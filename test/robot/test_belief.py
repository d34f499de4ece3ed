"""Joint states that cannot be true are not believed."""

from __future__ import annotations

import numpy as np
import pytest

from jepa_wm_ros.robot.belief import NOISE_RAD, QUIET_S, RESEAT_S, DisbeliefKind, JointBelief
from jepa_wm_ros.robot.description import ARM_JOINTS, READY_POSTURE
from jepa_wm_ros.robot.limits import FER, FR3

PERIOD_S = 0.01
GHOST = READY_POSTURE + np.array([0.3, 0, 0, 0, 0, 0, 0])


@pytest.fixture
def belief():
    return JointBelief(FER, ARM_JOINTS)


def feed(belief, positions, times):
    return [belief.judge(time, positions, time) for time in times]


def kinds(verdicts):
    return {None if v is None else v.kind for v in verdicts}


def test_an_arm_at_rest_with_noise_is_believed(belief):
    rng = np.random.default_rng(0)
    for step in range(200):
        noisy = READY_POSTURE + rng.uniform(-0.5, 0.5, 7) * NOISE_RAD
        assert belief.judge(step * PERIOD_S, noisy, step * PERIOD_S) is None


def test_joints_at_their_highest_speed_are_believed(belief):
    for step in range(20):
        moved = READY_POSTURE + 0.9 * FER.velocity * step * PERIOD_S * np.array([1] + [0] * 6)
        assert belief.judge(step * PERIOD_S, moved, step * PERIOD_S) is None


def test_a_second_source_is_not_believed_and_leaves_doubt(belief):
    assert belief.judge(0.0, READY_POSTURE, 0.0) is None
    verdict = belief.judge(0.005, GHOST, 0.005)
    assert verdict.kind is DisbeliefKind.JUMP
    assert 'panda_joint1' in verdict.message
    assert 'two sources' in verdict.message
    np.testing.assert_allclose(belief.positions, READY_POSTURE)
    assert belief.doubt(0.01) is verdict
    assert belief.doubt(0.005 + QUIET_S + 0.001) is None


@pytest.mark.parametrize('ahead_s', [-0.3, -0.02, 0.0, 0.02])
def test_a_second_source_with_another_clock_is_noticed(belief, ahead_s):
    doubted = False
    for step in range(100):
        now = 1.0 + step * PERIOD_S
        belief.judge(now, READY_POSTURE, now)
        belief.judge(now + ahead_s, GHOST, now + 0.005)
        doubted |= belief.doubt(now) is not None
    assert doubted


def test_two_sources_leave_doubt_as_long_as_both_speak(belief):
    for step in range(1, 300):
        now = step * PERIOD_S
        belief.judge(now, READY_POSTURE, now)
        belief.judge(now + 0.004, GHOST, now + 0.004)
        assert belief.doubt(now + 0.005) is not None


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(belief, value):
    positions = READY_POSTURE.copy()
    positions[3] = value
    assert kinds(feed(belief, positions, [0.0])) == {DisbeliefKind.NOT_FINITE}
    assert belief.positions is None


def test_a_stamp_that_is_not_finite(belief):
    assert belief.judge(np.nan, READY_POSTURE, 0.0).kind is DisbeliefKind.NOT_FINITE


def test_the_wrong_number_of_joints(belief):
    assert belief.judge(0.0, READY_POSTURE[:6], 0.0).kind is DisbeliefKind.INCOMPLETE


def test_degrees_are_named(belief):
    verdict = belief.judge(0.0, np.degrees(READY_POSTURE), 0.0)
    assert verdict.kind is DisbeliefKind.OUT_OF_RANGE
    assert 'degrees' in verdict.message


def test_joints_outside_their_range(belief):
    outside = READY_POSTURE.copy()
    outside[3] = 0.2
    verdict = belief.judge(0.0, outside, 0.0)
    assert verdict.kind is DisbeliefKind.OUT_OF_RANGE
    assert 'panda_joint4' in verdict.message
    assert 'joint_limits' in verdict.message


def test_an_arm_may_be_guided_to_where_it_may_not_be_commanded():
    belief = JointBelief(FR3, ARM_JOINTS)
    guided = READY_POSTURE.copy()
    guided[3] = -0.3  # above the rectangular table, inside the joint's range
    assert belief.judge(0.0, guided, 0.0) is None


def test_late_samples_are_left_out_without_doubt(belief):
    feed(belief, READY_POSTURE, [0.0, 0.02])
    verdict = belief.judge(0.01, READY_POSTURE, 0.021)
    assert verdict.kind is DisbeliefKind.REPEATED
    assert belief.doubt(0.021) is None


def test_a_clock_that_is_set_back_begins_a_new_life_in_doubt(belief):
    feed(belief, READY_POSTURE, [100.0, 100.01])
    assert belief.judge(5.0, GHOST, 100.02).kind is DisbeliefKind.CLOCK
    assert belief.judge(5.01, GHOST, 100.03) is None
    assert belief.doubt(100.03) is not None
    assert belief.doubt(100.02 + QUIET_S + 0.01) is None


def test_an_arm_that_was_moved_meanwhile_is_believed_after_a_while(belief):
    belief.judge(0.0, READY_POSTURE, 0.0)
    verdicts = feed(belief, GHOST, [0.01 + step * 0.01 for step in range(100)])
    assert verdicts[0].kind is DisbeliefKind.JUMP
    assert verdicts[-1] is None
    assert belief.doubt(1.01) is None


def test_an_arm_that_is_far_elsewhere_is_believed_when_the_old_source_is_silent(belief):
    far = READY_POSTURE + np.array([2.0, 0, 0, 0, 0, 0, 0])
    belief.judge(0.0, READY_POSTURE, 0.0)
    verdicts = feed(belief, far, [0.001 + step * 0.001 for step in range(1000)])
    believed = [verdict is None for verdict in verdicts].index(True)
    assert abs(believed * 0.001 - RESEAT_S) < 0.01
    assert belief.doubt(0.3) is not None
    assert belief.doubt(1.0) is None
