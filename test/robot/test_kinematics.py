"""Forward and inverse kinematics of the arm."""

import numpy as np
import pinocchio as pin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.description import (
    READY_POSTURE,
    DescriptionError,
    robot_description,
)
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import FER, WORKSPACE_CELL
from jepa_wm_ros.robot.poses import Pose, distance, from_euler

KINEMATICS = Kinematics()
DOWN = from_euler((0, 0, 0), (np.pi, 0, 0)).rotation

inside = st.tuples(*(st.floats(0.05, 0.95) for _ in range(7))).map(
    lambda fractions: FER.lower + np.array(fractions) * (FER.upper - FER.lower)
)
in_workspace = st.tuples(*(st.floats(0, 1) for _ in range(3))).map(
    lambda f: WORKSPACE_CELL.lower + np.array(f) * (WORKSPACE_CELL.upper - WORKSPACE_CELL.lower)
)


@pytest.mark.parametrize(
    ('joints', 'position', 'yaw'),
    [
        # DROID's reset posture and Franka's ready posture, computed from the published DH table.
        ([0, -np.pi / 5, 0, -4 * np.pi / 5, 0, 3 * np.pi / 5, 0], (0.3597, 0, 0.4899), 0.0),
        (
            [0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4],
            (0.3069, 0, 0.5903),
            -np.pi / 4,
        ),
    ],
)
def test_flange_is_where_the_published_geometry_puts_it(joints, position, yaw):
    pose = KINEMATICS.forward(joints)
    assert pose.position == pytest.approx(position, abs=1e-4)
    expected = from_euler(position, (np.pi, 0, yaw))
    assert distance(pose, expected)[1] < 1e-6


def test_limits_are_those_of_the_panda():
    assert np.array_equal(KINEMATICS.limits.lower, FER.lower)
    assert np.array_equal(KINEMATICS.limits.upper, FER.upper)
    assert np.array_equal(KINEMATICS.limits.velocity, FER.velocity)
    assert np.array_equal(KINEMATICS.limits.effort, FER.effort)


@settings(deadline=None, max_examples=50)
@given(inside)
def test_jacobian_is_the_derivative_of_the_flange_pose(joints):
    jacobian, step = KINEMATICS.jacobian(joints), 1e-6
    for column, direction in enumerate(np.eye(7)):
        before = KINEMATICS.forward(joints - step * direction)
        after = KINEMATICS.forward(joints + step * direction)
        linear = (after.position - before.position) / (2 * step)
        angular = pin.log3(after.rotation @ before.rotation.T) / (2 * step)
        assert np.allclose(jacobian[:, column], np.concatenate([linear, angular]), atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(in_workspace)
def test_every_place_of_the_workspace_is_found_from_the_ready_posture(position):
    target = Pose(position, DOWN)
    solution = KINEMATICS.inverse(target, READY_POSTURE)
    assert solution.converged, solution.reason
    assert solution.reason == ''
    reached = KINEMATICS.forward(solution.joint_positions)
    error_m, error_rad = distance(reached, target)
    assert error_m < 1e-4
    assert error_rad < 1e-3
    assert FER.margin(solution.joint_positions) > 0


@settings(deadline=None, max_examples=100)
@given(inside, st.integers(0, 2**32 - 1))
def test_a_reachable_pose_is_found_again_from_nearby(joints, seed):
    target = KINEMATICS.forward(joints)
    start = FER.clip(joints + np.random.default_rng(seed).uniform(-0.05, 0.05, 7))
    solution = KINEMATICS.inverse(target, start, posture=joints)
    assert solution.converged, solution.reason
    assert distance(KINEMATICS.forward(solution.joint_positions), target)[0] < 1e-4


@settings(deadline=None, max_examples=50)
@given(inside, st.tuples(*(st.floats(-2, 2) for _ in range(3))))
def test_joint_limits_hold_whatever_the_target(seed, position):
    solution = KINEMATICS.inverse(Pose(np.array(position), DOWN), seed)
    assert FER.margin(solution.joint_positions) >= 0
    assert np.isfinite(solution.joint_positions).all()


def test_one_call_moves_the_elbow_only_a_little():
    """The elbow must not jump when a stream of targets starts in another posture."""
    other = READY_POSTURE + np.array([0.6, 0, -0.6, 0, 0.4, 0, 0])
    target = KINEMATICS.forward(other)
    solution = KINEMATICS.inverse(target, other, posture_step_rad=0.02)
    assert solution.converged
    assert np.linalg.norm(solution.joint_positions - other) < 0.021


def test_a_pose_has_one_posture_whatever_the_seed():
    target = Pose(np.array([0.45, 0.1, 0.4]), DOWN)
    seeds = (READY_POSTURE, READY_POSTURE + np.array([0.4, 0.2, -0.4, 0.1, 0.3, 0.2, 0.1]))
    first, second = (
        KINEMATICS.inverse(target, seed, posture_step_rad=np.inf).joint_positions for seed in seeds
    )
    assert first == pytest.approx(second, abs=1e-3)


@pytest.mark.parametrize(
    ('position', 'word'), [((1.3, 0.0, 0.3), 'reach'), ((0.1, 0.0, 0.05), 'panda_joint4')]
)
def test_what_cannot_be_reached_is_said_with_the_reason(position, word):
    solution = KINEMATICS.inverse(Pose(np.array(position), DOWN), READY_POSTURE)
    assert not solution.converged
    assert word in solution.reason
    assert solution.position_error_m > 0.01


def test_a_target_that_is_no_pose_is_not_reached_and_no_joint_becomes_nan():
    solution = KINEMATICS.inverse(Pose(np.full(3, np.nan), DOWN), READY_POSTURE)
    assert not solution.converged
    assert np.isfinite(solution.joint_positions).all()


def test_missing_description_is_named(tmp_path):
    with pytest.raises(DescriptionError, match=r'robot\.urdf'):
        robot_description(tmp_path / 'robot.urdf')


def test_description_of_another_robot_is_refused_with_what_it_lacks(tmp_path):
    path = tmp_path / 'other.urdf'
    path.write_text('<robot name="other"><link name="base"/></robot>')
    with pytest.raises(DescriptionError, match='panda_joint1'):
        Kinematics(path)


def test_text_that_is_no_description_is_refused(tmp_path):
    path = tmp_path / 'text.urdf'
    path.write_text('no xml')
    with pytest.raises(DescriptionError, match='not a robot description'):
        Kinematics(path)


def test_least_speeds_give_the_flange_its_twist():
    twist = np.array([0.1, -0.05, 0.2, 0.3, 0.0, -0.1])
    speeds = KINEMATICS.speeds(READY_POSTURE, twist)
    np.testing.assert_allclose(KINEMATICS.jacobian(READY_POSTURE) @ speeds, twist, atol=1e-6)
    null = np.linalg.svd(KINEMATICS.jacobian(READY_POSTURE))[2][6]
    assert abs(null @ speeds) < 1e-9  # nothing of them is motion of the elbow alone
