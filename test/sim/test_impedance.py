"""The emulated impedance controller has the habits of crisp's."""

import itertools

import numpy as np
import pytest

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, distance
from jepa_wm_ros.robot.tool import FRANKA_HAND
from jepa_wm_ros.sim.drivers.impedance import ImpedanceController, ImpedanceSettings

PERIOD_S = 0.004
KINEMATICS = Kinematics()


@pytest.fixture
def controller():
    made = ImpedanceController(KINEMATICS, FRANKA_HAND)
    made.activate(0.0, READY_POSTURE)
    return made


def run(controller, seconds):
    """Let time pass; return the tool's positions."""
    joints, places = READY_POSTURE, []
    for cycle in range(round(seconds / PERIOD_S)):
        joints, _ = controller.update(cycle * PERIOD_S, PERIOD_S, joints)
        places.append(controller.pose(joints))
    return places


def shifted(pose, *by):
    return Pose(pose.position + np.array(by), pose.rotation)


def test_the_present_pose_is_the_target_at_the_start(controller):
    here = controller.pose(READY_POSTURE)
    assert distance(run(controller, 0.2)[-1], here)[0] < 1e-4


def test_a_target_of_the_tool_is_reached_up_to_friction_and_held_for_ever(controller):
    target = shifted(controller.pose(READY_POSTURE), 0.05, 0.03, -0.04)
    assert controller.target(target)
    away_m, turned_rad = distance(run(controller, 3.0)[-1], target)
    assert 1e-4 < away_m < 2e-3
    assert turned_rad < 2e-3


def test_targets_are_ignored_while_there_are_two_publishers(controller):
    here = controller.pose(READY_POSTURE)
    assert not controller.target(shifted(here, 0.05, 0.0, 0.0), publishers=2)
    assert controller.ignored == 1
    assert distance(run(controller, 0.3)[-1], here)[0] < 1e-4


def test_a_target_that_is_not_finite_is_taken_and_ends_the_controller_at_the_hardware(controller):
    here = controller.pose(READY_POSTURE)
    assert controller.target(Pose(np.full(3, np.nan)))
    assert distance(run(controller, 0.1)[-1], here)[0] < 1e-4
    assert controller.failed
    assert not controller.active
    controller.target(shifted(here, 0.05, 0.0, 0.0))  # good targets do not wake it
    assert distance(run(controller, 0.3)[-1], here)[0] < 1e-4


def test_a_compliance_controller_ignores_targets_that_are_not_finite():
    made = ImpedanceController(KINEMATICS, FRANKA_HAND, ImpedanceSettings(looks_at_numbers=True))
    made.activate(0.0, READY_POSTURE)
    assert not made.target(Pose(np.full(3, np.nan)))
    assert made.active


def test_a_target_that_comes_while_it_is_inactive_counts_when_it_becomes_active(controller):
    here = controller.pose(READY_POSTURE)
    controller.deactivate()
    assert controller.target(shifted(here, 0.05, 0.0, 0.0))
    assert distance(run(controller, 0.3)[-1], here)[0] < 1e-4
    controller.activate(0.3, READY_POSTURE)
    assert run(controller, 2.0)[-1].position[0] - here.position[0] == pytest.approx(0.05, abs=2e-3)
    controller.deactivate()
    controller.activate(2.3, READY_POSTURE)
    assert distance(run(controller, 0.3)[-1], here)[0] < 1e-4  # once


def test_the_spring_is_clipped_along_each_axis():
    settings = ImpedanceSettings(friction_m=0.0, filter=1.0)
    fast = []
    for way in ((0.0, 0.25, 0.0), (0.0, 0.25, -0.25)):
        made = ImpedanceController(KINEMATICS, FRANKA_HAND, settings)
        made.activate(0.0, READY_POSTURE)
        made.target(shifted(made.pose(READY_POSTURE), *way))
        places = run(made, 0.2)
        fast.append(np.linalg.norm(places[-1].position - places[-2].position) / PERIOD_S)
    assert fast[1] / fast[0] == pytest.approx(2**0.5, rel=0.1)


def test_a_far_target_is_approached_at_the_speed_of_the_clipped_spring(controller):
    controller.target(shifted(controller.pose(READY_POSTURE), 0.0, 0.25, 0.0))
    places = run(controller, 0.4)
    speeds = [
        np.linalg.norm(b.position - a.position) / PERIOD_S for a, b in itertools.pairwise(places)
    ]
    settings = ImpedanceSettings()
    assert max(speeds) == pytest.approx(
        settings.error_clip_m * settings.stiffness**0.5 / 2.0, rel=0.15
    )


def test_a_moving_target_is_followed_with_a_lag(controller):
    here, speed = controller.pose(READY_POSTURE), 0.1
    joints = READY_POSTURE
    for cycle in range(200):
        controller.target(shifted(here, 0.0, speed * cycle * PERIOD_S, 0.0))
        joints, _ = controller.update(cycle * PERIOD_S, PERIOD_S, joints)
    lag_m = speed * 200 * PERIOD_S - (controller.pose(joints).position - here.position)[1]
    assert 0.005 < lag_m < 0.015
