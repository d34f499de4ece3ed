"""Motions that end early come to rest within what the drives can do, and soon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.braking import Brake
from jepa_wm_ros.robot.gripper_gate import GripperGate
from jepa_wm_ros.robot.limits import FER, FR3, JointLimits
from jepa_wm_ros.robot.slew import Slew

MIDDLE = 0.5 * (FR3.lower + FR3.upper)
MOST_S = 0.14
speeds = st.lists(st.floats(-1.4, 1.4), min_size=7, max_size=7).map(np.array)


def test_resting_joints_rest_at_once():
    brake = Brake(MIDDLE, np.zeros(7), FER, most_s=MOST_S)
    assert brake.duration_s == 0.0
    joints, velocities = brake.sample(1.0)
    np.testing.assert_array_equal(joints, MIDDLE)
    assert not velocities.any()


def test_the_slowest_to_stop_sets_the_time_and_the_others_slow_down_with_it():
    velocity = np.array([0.75, 0.75, 0, 0, 0, 0, 0.0])
    brake = Brake(MIDDLE, velocity, FER, most_s=MOST_S)
    assert brake.duration_s == pytest.approx(0.75 / (0.95 * 7.5))  # joint 2
    joints, velocities = brake.sample(0.5 * brake.duration_s)
    np.testing.assert_allclose(velocities[:2], 0.375)
    half_s = 0.5 * brake.duration_s
    travelled = 0.75 * half_s - 0.5 * 0.95 * 7.5 * half_s**2
    np.testing.assert_allclose((joints - MIDDLE)[:2], travelled)


@given(velocity=speeds, table=st.sampled_from([FER, FR3]))
def test_it_is_over_in_time_without_a_jump(velocity, table):
    brake = Brake(MIDDLE, velocity, table, most_s=MOST_S)
    assert brake.duration_s <= MOST_S
    times = np.linspace(0.0, brake.duration_s, 30)
    path = np.array([brake.sample(time_s)[0] for time_s in times])
    np.testing.assert_array_equal(path[0], MIDDLE)
    assert not brake.sample(brake.duration_s)[1].any()
    if brake.duration_s > 0.0:
        limit = np.maximum(table.acceleration, np.abs(velocity) / MOST_S)
        step_s = times[1]
        rates = np.diff(path, 2, axis=0) / step_s**2
        assert (np.abs(rates).max(axis=0) <= limit * (1.0 + 1e-3) + 1e-6 / step_s**2).all()


@given(velocity=speeds)
def test_it_stays_inside_of_the_ends_of_the_joints(velocity):
    edge = FR3.upper - 1e-3
    brake = Brake(edge, velocity, FR3, most_s=MOST_S)
    for time_s in np.linspace(0.0, MOST_S, 15):
        assert FR3.margin(brake.sample(time_s)[0]) >= 0.0


def test_speeds_that_are_not_numbers_are_not_followed():
    brake = Brake(MIDDLE, np.full(7, np.nan), FER, most_s=MOST_S)
    np.testing.assert_array_equal(brake.sample(0.1)[0], MIDDLE)


def test_table_without_accelerations_brakes_gently():
    table = JointLimits(lower=FER.lower, upper=FER.upper, velocity=FER.velocity, effort=FER.effort)
    assert Brake(MIDDLE, np.full(7, 0.5), table, most_s=1.0).duration_s == pytest.approx(
        0.1 / 0.95
    )


def test_number_follows_its_target_no_faster_than_it_may():
    slew = Slew(1.0, 4.0)
    assert slew.update(0.0, 0.1) == pytest.approx(0.6)
    assert slew.update(0.55, 0.1) == pytest.approx(0.55)
    assert slew.update(1.0, 10.0) == 1.0


STEP = {'step': 0.01, 'hold_s': 0.5}


def test_gripper_that_is_not_known_is_left_alone():
    assert GripperGate().decide(None, 0.0, **STEP) is None


def test_small_changes_of_the_gripper_are_not_sent():
    gate = GripperGate()
    assert gate.decide(0.5, 0.0, **STEP) == 0.5
    assert gate.decide(0.505, 1.0, **STEP) is None
    assert gate.decide(0.52, 2.0, **STEP) == 0.52


def test_gripper_may_go_on_at_once_but_not_turn_back():
    gate = GripperGate()
    gate.decide(0.0, 0.0, **STEP)
    assert gate.decide(0.5, 1.0, **STEP) == 0.5
    assert gate.decide(0.8, 1.1, **STEP) == 0.8
    assert gate.decide(0.2, 1.2, **STEP) is None
    assert gate.decide(0.2, 1.61, **STEP) == 0.2


def test_gripper_that_may_have_been_moved_is_commanded_anew():
    gate = GripperGate()
    gate.decide(0.5, 0.0, **STEP)
    gate.forget()
    assert gate.decide(0.5, 0.1, **STEP) == 0.5
