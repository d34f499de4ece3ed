"""Poses are SE(3), and actions are those of DROID."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.poses import (
    Pose,
    PoseError,
    apply_action,
    distance,
    from_euler,
    from_quaternion_xyzw,
    pose_difference,
    quaternion_xyzw,
    rotation_from_vector,
    to_euler,
    vector_from_rotation,
)

metres = st.floats(-2.0, 2.0)
angles = st.floats(-math.pi, math.pi)
pitches = st.floats(-1.5, 1.5)
triples = st.tuples(metres, metres, metres)
poses = st.builds(from_euler, triples, st.tuples(angles, pitches, angles))
actions = st.tuples(*[st.floats(-0.2, 0.2)] * 3, *[st.floats(-1.0, 1.0)] * 3)


def assert_same(one: Pose, other: Pose, tolerance=1e-9):
    offset, angle = distance(one, other)
    assert offset < tolerance
    assert angle < tolerance


def test_example_of_the_paper_moves_as_published():
    start = from_euler([0.580, -0.002, 0.248], [-3.067, 0.031, -1.913])
    end = from_euler([0.673, 0.029, 0.332], [-3.051, 0.018, -1.912])
    change = pose_difference(start, end)
    np.testing.assert_allclose(change[:3], [0.093, 0.031, 0.084], atol=1e-9)
    assert np.abs(change[3:]).max() < 0.03


@given(poses, poses, poses)
def test_composition_is_associative(a, b, c):
    assert_same(a.compose(b).compose(c), a.compose(b.compose(c)))


@given(poses)
def test_identity_is_neutral_and_inverse_undoes(pose):
    assert_same(pose.compose(Pose.identity()), pose)
    assert_same(Pose.identity().compose(pose), pose)
    assert_same(pose.compose(pose.inverse()), Pose.identity())


@given(poses, actions)
def test_difference_undoes_an_action(pose, action):
    moved = apply_action(pose, action)
    assert_same(apply_action(pose, pose_difference(pose, moved)), moved)
    np.testing.assert_allclose(pose_difference(pose, moved), action, atol=1e-9)


@given(poses, actions)
def test_actions_do_not_depend_on_the_position(pose, action):
    shift = np.array([1.0, 2.0, 3.0])
    shifted = Pose(pose.position + shift, pose.rotation)
    expected = apply_action(pose, action)
    assert_same(apply_action(shifted, action), Pose(expected.position + shift, expected.rotation))


def test_rotation_of_an_action_is_about_the_axes_of_the_base():
    down = from_euler([0.5, 0.0, 0.3], [math.pi, 0.0, 0.0])
    turned = apply_action(down, [0, 0, 0, 0, 0, 0.5])
    np.testing.assert_allclose(turned.rotation @ [1, 0, 0], [math.cos(0.5), math.sin(0.5), 0])


@given(st.tuples(angles, pitches, angles))
def test_euler_angles_survive_a_round_trip_modulo_a_turn(wanted):
    found = to_euler(from_euler(np.zeros(3), wanted))
    wrapped = (found - wanted + math.pi) % (2 * math.pi) - math.pi
    np.testing.assert_allclose(wrapped, 0.0, atol=1e-9)


@pytest.mark.parametrize('roll', [math.pi - 1e-9, -math.pi + 1e-9, math.pi])
def test_roll_that_wraps_makes_no_jump(roll):
    here = from_euler([0.4, 0.0, 0.4], [roll, 0.1, 0.2])
    there = from_euler([0.4, 0.0, 0.4], [-roll, 0.1, 0.2])
    assert np.abs(pose_difference(here, there)).max() < 1e-8


@given(poses)
def test_quaternion_is_in_ros_order_and_survives_a_round_trip(pose):
    quaternion = quaternion_xyzw(pose)
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    assert_same(from_quaternion_xyzw(pose.position, quaternion), pose, 1e-7)


def test_quaternion_of_no_rotation_has_its_one_at_the_end():
    np.testing.assert_allclose(quaternion_xyzw(Pose.identity()), [0, 0, 0, 1])


@pytest.mark.parametrize(
    'quaternion', [[0, 0, 0, 0], [1, 1, 1, 1], [math.nan, 0, 0, 1], [0, 1, 0]]
)
def test_what_is_not_a_unit_quaternion_is_refused(quaternion):
    with pytest.raises(PoseError, match='unit quaternion'):
        from_quaternion_xyzw(np.zeros(3), quaternion)


@given(st.tuples(*[st.floats(-1.0, 1.0)] * 3), st.floats(0.0, math.pi - 1e-6))
def test_rotation_vector_survives_a_round_trip(axis, angle):
    length = np.linalg.norm(axis)
    vector = angle * np.array(axis) / length if length > 1e-3 else np.array(axis)
    found = vector_from_rotation(rotation_from_vector(vector))
    np.testing.assert_allclose(found, vector, atol=1e-7)


def test_rotation_vector_of_half_a_turn_is_pi_long():
    for axis in np.eye(3):
        found = vector_from_rotation(2.0 * np.outer(axis, axis) - np.eye(3))
        np.testing.assert_allclose(np.abs(found), math.pi * axis, atol=1e-9)


@given(poses, actions)
def test_distance_is_the_length_of_the_difference(pose, action):
    moved = apply_action(pose, action)
    offset, angle = distance(pose, moved)
    assert offset == pytest.approx(np.linalg.norm(action[:3]), abs=1e-12)
    turn = vector_from_rotation(moved.rotation @ pose.rotation.T)
    assert angle == pytest.approx(np.linalg.norm(turn), abs=1e-7)


def test_small_angles_are_not_lost():
    turned = Pose(np.zeros(3), rotation_from_vector([0, 0, 1e-10]))
    assert distance(Pose.identity(), turned)[1] == pytest.approx(1e-10, rel=1e-5)


def test_wrong_shapes_are_refused():
    with pytest.raises(PoseError, match='shape'):
        Pose(np.zeros(2), np.eye(3))
    with pytest.raises(PoseError, match='6 numbers'):
        apply_action(Pose.identity(), [0.1, 0.2])
