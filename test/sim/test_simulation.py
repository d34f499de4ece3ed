"""Physics, servos and time of the simulated cell."""

import numpy as np
import pytest

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.robot.poses import Pose, distance
from jepa_wm_ros.sim.placement import GRIPPER_DOWN
from jepa_wm_ros.sim.simulation import CellSimulation, SimulationError


@pytest.fixture
def simulation():
    with CellSimulation(render=False) as cell:
        yield cell


def test_the_arm_holds_its_place_against_gravity(simulation):
    before = simulation.flange_pose
    simulation.advance(2.0)
    assert distance(before, simulation.flange_pose)[0] < 1e-4


def test_a_joint_target_is_reached(simulation):
    target = READY_POSTURE + np.array([0.2, 0.1, -0.1, 0.2, 0.1, -0.1, 0.3])
    simulation.set_joint_target(target)
    simulation.advance(1.5)
    assert simulation.joint_positions == pytest.approx(target, abs=1e-3)


def test_a_pose_target_is_reached(simulation):
    target = Pose(np.array([0.5, 0.1, 0.4]), GRIPPER_DOWN)
    for _ in range(40):
        simulation.set_pose_target(target)
        simulation.advance(0.05)
    assert distance(simulation.flange_pose, target)[0] < 1e-3


def test_joint_targets_beyond_the_limits_are_clipped(simulation):
    simulation.set_joint_target(FER.upper + 1.0)
    simulation.advance(3.0)
    assert FER.margin(simulation.joint_positions) > -0.02


def test_a_moving_target_is_followed_without_lag(simulation):
    """At 0.5 rad/s the servos alone would lag by 25 mrad."""
    start, speed = READY_POSTURE, np.full(7, 0.2)
    for tick in range(1, 101):
        simulation.set_joint_target(start + speed * tick * 0.01, speed)
        simulation.advance(0.01)
    assert simulation.joint_positions == pytest.approx(start + speed * 1.0, abs=0.004)


def test_efforts_stay_within_what_the_motors_can_do(simulation):
    simulation.set_joint_target(FER.clip(READY_POSTURE + 1.5))
    largest = np.zeros(7)
    for _ in range(100):
        simulation.advance(0.01)
        largest = np.maximum(largest, np.abs(simulation.joint_efforts))
    assert (largest <= FER.effort + 1e-9).all()
    assert (largest > 0.9 * FER.effort).any()


def test_the_table_stops_the_gripper(simulation):
    below = Pose(np.array([0.45, 0.0, 0.05]), GRIPPER_DOWN)
    for _ in range(30):
        simulation.set_pose_target(below)
        simulation.advance(0.05)
    assert simulation.flange_pose.position[2] > 0.12


def test_short_advances_last_as_long_as_a_long_one(simulation):
    for _ in range(1000):
        simulation.advance(0.001)
    assert simulation.time_s == pytest.approx(1.0, abs=0.004)


def test_teleport_puts_arm_and_gripper_there_at_rest(simulation):
    posture = READY_POSTURE + 0.1
    simulation.teleport(posture, gripper=0.7)
    assert simulation.joint_positions == pytest.approx(posture)
    assert simulation.gripper == pytest.approx(0.7)
    simulation.advance(0.5)
    assert simulation.joint_positions == pytest.approx(posture, abs=1e-4)
    assert simulation.gripper == pytest.approx(0.7, abs=0.01)


def test_a_saved_state_comes_back_exactly(simulation):
    simulation.set_joint_target(READY_POSTURE + 0.2)
    simulation.advance(0.1)
    state = simulation.save_state()
    simulation.advance(0.2)
    future = simulation.joint_positions
    simulation.restore_state(state)
    simulation.advance(0.2)
    assert np.array_equal(simulation.joint_positions, future)


def test_physics_and_kinematics_agree_about_the_flange():
    """Two programs read one description; a frame that they read differently would show here."""
    simulation, kinematics = CellSimulation(render=False), Kinematics()
    generator = np.random.default_rng(0)
    for _ in range(50):
        joints = generator.uniform(FER.lower, FER.upper)
        simulation.teleport(joints)
        body = simulation._data.body('panda_link8')
        pose = kinematics.forward(joints)
        assert np.allclose(body.xpos, pose.position, atol=1e-6)
        assert np.allclose(body.xmat.reshape(3, 3), pose.rotation, atol=1e-6)


@pytest.mark.parametrize('target', [np.zeros(6), np.full(7, np.inf)])
def test_broken_joint_targets_are_refused(simulation, target):
    with pytest.raises(SimulationError, match='7 finite numbers'):
        simulation.set_joint_target(target)


@pytest.mark.parametrize('duration_s', [-0.1, np.nan, np.inf])
def test_time_only_goes_forward(simulation, duration_s):
    with pytest.raises(SimulationError, match='advance'):
        simulation.advance(duration_s)


def test_rendering_without_renderer_is_refused(simulation):
    with pytest.raises(SimulationError, match='no renderer'):
        simulation.render()
