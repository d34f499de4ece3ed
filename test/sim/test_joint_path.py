"""Motion of a step: a few solved places stand for all ticks."""

import json
from pathlib import Path

import numpy as np
import pytest

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, apply_action, distance
from jepa_wm_ros.robot.trajectory import PoseTrajectory
from jepa_wm_ros.sim.environment import CellEnvironment
from jepa_wm_ros.sim.joint_path import joint_path
from jepa_wm_ros.sim.placement import GRIPPER_DOWN

RECORDED = json.loads((Path(__file__).parents[1] / 'data' / 'sim_steps.json').read_text())['steps']
PERIOD_S = 0.02


@pytest.fixture(scope='module')
def blind():
    with CellEnvironment(render=False) as cell:
        yield cell


@pytest.fixture(scope='module')
def kinematics():
    return Kinematics()


@pytest.mark.parametrize('step', RECORDED)
def test_a_step_ends_where_it_did_with_every_tick_solved(blind, step):
    began_s = blind.reset(step['start'], rng=np.random.default_rng(0)).stamp_s
    seen = blind.step(step['action'])
    recorded = Pose(np.array(step['position']), np.array(step['rotation']))
    error_m, error_rad = distance(seen.pose, recorded)
    assert error_m < 1e-4
    assert error_rad < 2e-4
    assert seen.stamp_s - began_s == pytest.approx(step['duration_s'], abs=1e-6)
    assert seen.gripper == pytest.approx(step['gripper'], abs=1e-3)


@pytest.mark.parametrize(
    ('move', 'tolerance_m'),
    [
        ((0.08, -0.08, 0.05, 0, 0, 0), 1e-4),
        ((0.02, 0.04, -0.08, 0.1, -0.15, 0.1), 1e-4),
        # Too far for a few places: each tick is solved.
        ((0.05, 0.3, 0.1, 0, 0, 0.5), 5e-5),
    ],
)
def test_the_flange_stays_on_the_straight_way(kinematics, move, tolerance_m):
    start, joints = flange_at(kinematics, (0.45, -0.1, 0.4))
    trajectory = PoseTrajectory(start, [apply_action(start, move)], 0.4)
    path = joint_path(kinematics, joints, trajectory, PERIOD_S)
    assert len(path) == 20
    for tick, positions in enumerate(path, start=1):
        wanted, _ = trajectory.sample(tick * PERIOD_S)
        assert distance(kinematics.forward(positions), wanted)[0] < tolerance_m
    assert distance(kinematics.forward(path[-1]), trajectory.end)[0] < 3e-5


def test_a_target_out_of_reach_is_approached(kinematics):
    start, joints = flange_at(kinematics, (0.6, 0.0, 0.4))
    beyond = Pose(start.position + np.array([0.6, 0.0, 0.0]), start.rotation)
    path = joint_path(kinematics, joints, PoseTrajectory(start, [beyond], 0.4), PERIOD_S)
    assert np.isfinite(path).all()
    assert kinematics.forward(path[-1]).position[0] > 0.68


def flange_at(kinematics, position):
    """Return the pose and the joints of the flange at a place, gripper down."""
    pose = Pose(np.array(position), GRIPPER_DOWN)
    solution = kinematics.inverse(pose, READY_POSTURE, posture_step_rad=np.inf)
    return kinematics.forward(solution.joint_positions), solution.joint_positions
