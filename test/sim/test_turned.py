"""A cell with a turned base: the picture stays, the robot's words are turned."""

import math

import numpy as np
import pytest

from jepa_wm_ros.sim.environment import CellEnvironment
from jepa_wm_ros.sim.turned import TurnedEnvironment

CENTRE = (0.46, 0.0, 0.4)


@pytest.fixture(scope='module')
def cell():
    with CellEnvironment(render=False) as environment:
        yield environment


def test_a_turned_robot_reports_and_takes_everything_turned(cell):
    robot = TurnedEnvironment(cell, math.radians(90.0))
    seen = robot.reset(CENTRE, rng=np.random.default_rng(0))
    assert np.allclose(seen.pose.position, [0.0, 0.46, 0.4], atol=1e-3)
    after = robot.step(np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert np.allclose(after.pose.position - seen.pose.position, [0.05, 0.0, 0.0], atol=2e-3)
    # x of the turned robot is -y of the cell
    assert np.allclose(robot.flange_pose.position, [0.46, -0.05, 0.4], atol=2e-3)


def test_joints_and_pose_agree(cell):
    robot = TurnedEnvironment(cell, 0.3)
    seen = robot.reset(CENTRE, rng=np.random.default_rng(0))
    pose = cell.simulation.kinematics.forward(seen.joint_positions)
    assert np.allclose(pose.position, seen.pose.position, atol=1e-6)
    assert np.allclose(pose.rotation, seen.pose.rotation, atol=1e-6)
