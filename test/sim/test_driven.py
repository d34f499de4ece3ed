"""The cell driven by commands that come at any time."""

import numpy as np
import pytest

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.poses import Pose, distance
from jepa_wm_ros.robot.trajectory import PoseTrajectory
from jepa_wm_ros.sim.driven import DrivenCell
from jepa_wm_ros.sim.following import Waypoint
from jepa_wm_ros.sim.placement import GRIPPER_DOWN
from jepa_wm_ros.sim.simulation import CellSimulation, SimulationError

MIDDLE = np.array([0.45, 0.0, 0.4])


@pytest.fixture
def cell():
    driven = DrivenCell(CellSimulation(render=False, physics_step_s=0.002))
    driven.reset(MIDDLE, np.random.default_rng(0))
    return driven


@pytest.mark.parametrize('jitter_s', [0.0, 0.004])
def test_a_streamed_trajectory_is_followed_smoothly_to_its_end(cell, jitter_s):
    simulation, generator = cell.simulation, np.random.default_rng(0)
    target = Pose(MIDDLE + 0.06, GRIPPER_DOWN)
    trajectory = PoseTrajectory(simulation.flange_pose, [target], 0.5)
    start_s, joints, speeds, ahead_s = simulation.time_s, simulation.joint_positions, [], 0.03
    for _ in range(70):
        pose, twist = trajectory.sample(simulation.time_s - start_s + ahead_s)
        joints = simulation.kinematics.inverse(pose, joints).joint_positions
        velocities = np.linalg.pinv(simulation.kinematics.jacobian(joints)) @ twist
        cell.follow_joints([Waypoint(ahead_s, joints, velocities)])
        cell.advance(0.01 + generator.uniform(-jitter_s, jitter_s))
        speeds.append(simulation.joint_velocities)
    assert distance(simulation.flange_pose, target)[0] < 1e-3
    # The joints' highest acceleration is 7.5 rad/s^2 and more; this motion needs far less.
    assert np.abs(np.diff(speeds, axis=0)).max() / 0.01 < 25


def test_without_commands_the_last_target_is_held(cell):
    cell.follow_pose(Pose(MIDDLE + 0.05, GRIPPER_DOWN), 0.02)
    cell.advance(1.0)
    there = cell.simulation.flange_pose
    assert np.linalg.norm(there.position - MIDDLE - 0.05) < 1e-3
    cell.advance(3.0)
    assert distance(there, cell.simulation.flange_pose)[0] < 1e-4


def test_a_hold_keeps_the_arm_near_where_it_was(cell):
    cell.follow_pose(Pose(MIDDLE + 0.1, GRIPPER_DOWN), 1.0)
    cell.advance(0.5)
    there = cell.simulation.flange_pose
    cell.hold()
    cell.advance(1.0)
    assert distance(there, cell.simulation.flange_pose)[0] < 0.01


def test_a_pose_out_of_reach_does_not_stop_what_is_under_way(cell):
    cell.follow_pose(Pose(MIDDLE + 0.05, GRIPPER_DOWN), 0.5)
    with pytest.raises(SimulationError, match='reach'):
        cell.follow_pose(Pose(np.array([1.5, 0, 0.4]), GRIPPER_DOWN), 0.5)
    cell.advance(1.5)
    assert cell.simulation.flange_pose.position == pytest.approx(MIDDLE + 0.05, abs=1e-3)


def test_time_passes_in_whole_steps_without_loss(cell):
    start_s = cell.simulation.time_s
    for _ in range(1000):
        cell.advance(0.0033)
    assert cell.simulation.time_s - start_s == pytest.approx(3.3, abs=0.002)


def test_a_reset_stops_motion_and_goes_anywhere_in_the_workspace(cell):
    cell.follow_pose(Pose(MIDDLE + 0.1, GRIPPER_DOWN), 1.0)
    cell.advance(0.3)
    cell.reset(None, np.random.default_rng(4))
    there = cell.simulation.flange_pose
    assert WORKSPACE_CELL.contains(there.position, tolerance=1e-4)
    cell.advance(1.0)
    assert distance(there, cell.simulation.flange_pose)[0] < 1e-4


@pytest.mark.parametrize('position', [(2.0, 0, 0.3), (0.4, 0.1), (np.nan, 0, 0)])
def test_a_reset_to_nowhere_moves_nothing(cell, position):
    before = cell.simulation.joint_positions
    with pytest.raises(SimulationError):
        cell.reset(position, np.random.default_rng(0))
    assert np.array_equal(cell.simulation.joint_positions, before)
