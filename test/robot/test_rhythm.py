"""When an input counts as late: by its own rhythm, measured or declared."""

import math

import numpy as np
import pytest

from jepa_wm_ros.robot.rhythm import Rhythm
from jepa_wm_ros.robot.safety_inputs import SafetyInputs
from jepa_wm_ros.robot.safety_limits import SafetyLimits

CAMERA_S, JOINTS_S = 1 / 15, 0.01


def heard(times) -> Rhythm:
    rhythm = Rhythm()
    for time_s in times:
        rhythm.seen(time_s)
    return rhythm


def inputs(camera_s=CAMERA_S, joints_s=JOINTS_S, until_s=4.0) -> SafetyInputs:
    """Both inputs have come regularly until a moment."""
    found = SafetyInputs()
    for time_s in np.arange(0.0, until_s, camera_s):
        found.image_seen(float(time_s), 0.0)
    for time_s in np.arange(0.0, until_s, joints_s):
        found.joints_seen(float(time_s), 0.0)
    found.image_seen(until_s, 0.0)
    found.joints_seen(until_s, 0.0)
    found.listen(until_s)
    return found


def test_period_is_that_of_regular_arrivals():
    assert heard(np.arange(0, 3, 0.05)).period_s == pytest.approx(0.05)


def test_period_is_unknown_before_some_arrivals():
    assert math.isinf(heard([]).period_s)
    assert math.isinf(heard([0.0, 0.1, 0.2]).period_s)
    assert math.isinf(heard([]).silence_s)


def test_one_interruption_does_not_make_it_patient():
    times = [*np.arange(0, 3, 0.05), *np.arange(9, 9.3, 0.05)]
    assert heard(times).period_s == pytest.approx(0.05)


def test_bursts_do_not_make_it_nervous():
    times = sorted([*np.arange(0, 3, 0.066), *(np.arange(0, 3, 0.066) + 0.001)])
    assert 2.0 * heard(times).period_s > 0.06


def test_slower_camera_is_soon_the_usual():
    times = [*np.arange(0, 3, 1 / 30), *np.arange(3, 8, 1 / 5)]
    assert heard(times).period_s == pytest.approx(0.2)


@pytest.mark.parametrize('camera_s', [1 / 60, CAMERA_S, 1 / 5])
@pytest.mark.parametrize(('more_s', 'late'), [(-0.006, False), (0.006, True)])
def test_camera_is_late_after_two_of_its_periods(camera_s, more_s, late):
    seen, limits = inputs(camera_s), SafetyLimits(joint_period_s=1.0)
    patience_s = max(2.0 * camera_s, limits.hold_floor_s)
    assert ('no picture for' in seen.late(patience_s + more_s, limits)) is late


@pytest.mark.parametrize('joints_s', [0.001, 0.01, 0.033])
@pytest.mark.parametrize(('more_s', 'late'), [(-0.006, False), (0.006, True)])
def test_joint_states_are_late_after_two_periods_but_not_before_the_floor(joints_s, more_s, late):
    seen, limits = inputs(joints_s=joints_s), SafetyLimits()
    patience_s = max(2.0 * joints_s, limits.hold_floor_s)
    assert ('no joint state for' in seen.late(patience_s + more_s, limits)) is late


def test_silence_adds_up_until_something_comes():
    seen, limits = inputs(), SafetyLimits(image_period_s=1.0)
    assert not seen.late(0.02, limits)
    assert seen.late(0.02, limits)
    seen.joints_seen(4.04, 0.0)
    assert not seen.late(0.02, limits)


def test_declared_rate_wins():
    assert inputs().late(0.09, SafetyLimits(image_period_s=1 / 30, joint_period_s=1.0))
    assert not inputs().late(0.09, SafetyLimits(joint_period_s=1.0))


def test_constant_latency_is_not_late():
    seen = SafetyInputs()
    for time_s in np.arange(0.0, 2.0, CAMERA_S):
        seen.image_seen(float(time_s), 0.2)
        seen.joints_seen(float(time_s), 0.0)
    assert not seen.late(0.01, SafetyLimits())


def test_floor_and_periods_of_zero_let_nothing_pass():
    assert inputs().late(0.001, SafetyLimits(missed_periods=0.0, hold_floor_s=0.0))


def test_what_is_not_known_yet_is_left_to_the_age_limits():
    seen = SafetyInputs()
    seen.image_seen(0.0, 0.0)
    seen.joints_seen(0.0, 0.0)
    assert not seen.late(0.2, SafetyLimits())
    assert not SafetyInputs().late(0.1, SafetyLimits())
