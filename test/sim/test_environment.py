"""Episodes in the simulated cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.poses import Pose, apply_action, distance
from jepa_wm_ros.sim.appearance import NOMINAL
from jepa_wm_ros.sim.environment import CellEnvironment
from jepa_wm_ros.sim.placement import GRIPPER_DOWN
from jepa_wm_ros.sim.simulation import SimulationError

MIDDLE = (0.45, 0.0, 0.4)
STEP_M = 0.08


def rng(seed=0):
    return np.random.default_rng(seed)


def act(*translation, gripper=0.0, turn=(0, 0, 0)):
    return np.array([*translation, *turn, gripper])


@settings(deadline=None, max_examples=15)
@given(st.tuples(*(st.floats(-STEP_M, STEP_M) for _ in range(3))))
def test_a_step_moves_the_flange_by_the_action(cell, translation):
    start = cell.reset(MIDDLE, rng=rng()).pose
    reached = cell.step(act(*translation)).pose
    error_m, error_rad = distance(reached, apply_action(start, act(*translation)))
    assert error_m < 0.002
    assert error_rad < np.radians(0.3)


def test_a_step_turns_the_flange_by_the_action(cell):
    start = cell.reset(MIDDLE, rng=rng()).pose
    action = act(0.02, 0, 0, turn=(0.1, -0.05, 0.2))
    error_m, error_rad = distance(cell.step(action).pose, apply_action(start, action))
    assert error_m < 0.002
    assert error_rad < np.radians(0.5)


def test_many_steps_do_not_drift(cell):
    generator = rng(5)
    observation = cell.reset(MIDDLE, rng=generator)
    position = observation.pose.position
    for _ in range(25):
        translation = generator.uniform(-STEP_M, STEP_M, 3)
        position = WORKSPACE_CELL.clip(observation.pose.position + translation)
        observation = cell.step(act(*translation))
        assert np.linalg.norm(observation.pose.position - position) < 0.002
    assert distance(Pose(position, GRIPPER_DOWN), observation.pose)[1] < np.radians(0.3)


def test_a_step_ends_at_rest(cell):
    cell.reset(MIDDLE, rng=rng())
    cell.step(act(STEP_M, STEP_M, STEP_M))
    assert np.abs(cell.simulation.joint_velocities).max() < 0.03


def test_targets_are_clipped_to_the_workspace(cell):
    corner = WORKSPACE_CELL.upper - 0.02
    cell.reset(corner, rng=rng())
    reached = cell.step(act(STEP_M, STEP_M, STEP_M)).pose
    assert reached.position == pytest.approx(WORKSPACE_CELL.upper, abs=0.002)


def test_the_gripper_follows_and_stays_within_open_and_closed(cell):
    cell.reset(MIDDLE, rng=rng())
    half = cell.step(act(0, 0, 0, gripper=0.5)).gripper
    closed = cell.step(act(0, 0, 0, gripper=3.0)).gripper
    opened = cell.step(act(0, 0, 0, gripper=-9.0)).gripper
    assert (half, closed, opened) == pytest.approx((0.5, 1.0, 0.0), abs=0.05)


def test_the_same_generator_gives_the_same_episode(cell):
    def episode():
        generator = rng(3)
        observations = [cell.reset(rng=generator, appearance=NOMINAL)]
        observations += [cell.step(act(*generator.uniform(-0.08, 0.08, 3))) for _ in range(3)]
        return observations

    for first, second in zip(episode(), episode(), strict=True):
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.joint_positions, second.joint_positions)


def test_different_generators_start_in_different_places(cell):
    places = [cell.reset(rng=rng(seed)).pose.position for seed in range(20)]
    assert all(WORKSPACE_CELL.contains(place, tolerance=1e-4) for place in places)
    spread = np.ptp(places, axis=0) / (WORKSPACE_CELL.upper - WORKSPACE_CELL.lower)
    assert (spread > 0.6).all()


def test_reset_goes_exactly_where_it_is_told(cell):
    pose = cell.reset((0.5, -0.1, 0.3), rng=rng()).pose
    assert pose.position == pytest.approx((0.5, -0.1, 0.3), abs=1e-4)
    assert distance(Pose(pose.position, GRIPPER_DOWN), pose)[1] < 1e-3


def test_reset_keeps_the_appearance_unless_told(cell):
    cell.simulation.set_appearance(NOMINAL)
    cell.reset(rng=rng())
    assert cell.simulation.appearance is NOMINAL


def test_a_picture_elsewhere_leaves_the_cell_as_it_was(cell):
    before = cell.reset(MIDDLE, rng=rng())
    cell.picture_at((0.58, 0.25, 0.5), gripper=1.0)
    after = cell.observe()
    assert np.array_equal(before.image, after.image)
    assert np.array_equal(before.joint_positions, after.joint_positions)
    assert after.stamp_s == before.stamp_s
    # The servos must still hold the old place, too.
    held = cell.step(act(0, 0, 0)).pose
    assert distance(held, before.pose)[0] < 1e-3


def test_a_goal_picture_is_what_the_camera_sees_on_arrival(cell):
    goal = np.add(MIDDLE, (0.05, -0.06, 0.04))
    picture = cell.picture_at(goal)
    cell.reset(MIDDLE, rng=rng())
    arrived = cell.step(act(*(goal - cell.flange_pose.position))).image
    difference = np.abs(picture.astype(int) - arrived)
    elsewhere = np.abs(picture.astype(int) - cell.step(act(0.03, 0, 0)).image)
    assert difference.mean() < 0.1 * elsewhere.mean()


def test_places_out_of_reach_are_refused_with_the_reason(cell):
    with pytest.raises(SimulationError, match='reach'):
        cell.reset((1.5, 0, 0.3), rng=rng())
    with pytest.raises(SimulationError, match='reach'):
        cell.picture_at((1.5, 0, 0.3))


@pytest.mark.parametrize('action', [np.zeros(6), np.full(7, np.nan), np.zeros((1, 7))])
def test_broken_actions_are_refused_before_anything_moves(cell, action):
    before = cell.reset(MIDDLE, rng=rng()).joint_positions
    with pytest.raises(SimulationError, match='7 finite numbers'):
        cell.step(action)
    assert np.array_equal(cell.simulation.joint_positions, before)


@pytest.mark.parametrize('wrong', [{'step_duration_s': 0.0}, {'control_hz': -1.0}])
def test_settings_without_duration_are_refused(wrong):
    with pytest.raises(SimulationError, match='above 0'):
        CellEnvironment(render=False, **wrong)


def test_without_eyes_the_arm_moves_and_pictures_are_black():
    with CellEnvironment(render=False) as blind:
        start = blind.reset(MIDDLE, rng=rng())
        assert start.image.shape == (180, 320, 3)
        assert not start.image.any()
        moved = blind.step(act(0.05, 0, 0)).pose
        assert moved.position[0] == pytest.approx(MIDDLE[0] + 0.05, abs=0.002)
        with pytest.raises(SimulationError, match='no renderer'):
            blind.picture_at(MIDDLE)
