"""A robot may be moved only while it says so itself."""

import pytest

from jepa_wm_ros.robot.robot_mode import READY, Readiness, franka_mode, spoken_mode


@pytest.mark.parametrize('mode', [1, 2])
def test_idle_and_move_let_the_arm_move(mode):
    assert franka_mode(mode) == READY
    assert franka_mode(mode).may_move


@pytest.mark.parametrize(
    ('mode', 'readiness'),
    [
        (0, Readiness.NOT_READY),
        (3, Readiness.NOT_READY),
        (4, Readiness.REFLEX),
        (5, Readiness.USER_STOP),
        (6, Readiness.NOT_READY),
        (7, Readiness.ERROR),
        (255, Readiness.ERROR),
    ],
)
def test_every_other_mode_does_not_and_says_why(mode, readiness):
    found = franka_mode(mode)
    assert found.readiness is readiness
    assert not found.may_move
    assert found.reason


def test_errors_and_collisions_forbid_motion_in_a_good_mode():
    error = franka_mode(2, ['joint_velocity_violation'])
    assert error.readiness is Readiness.ERROR
    assert 'joint_velocity_violation' in error.reason
    assert franka_mode(2, collision=True).readiness is Readiness.REFLEX


def test_a_reflex_names_the_errors_that_led_to_it():
    assert 'cartesian_reflex' in franka_mode(4, ['cartesian_reflex']).reason


def test_a_switch_says_yes_or_no():
    assert spoken_mode(True).may_move
    assert not spoken_mode(False).may_move
