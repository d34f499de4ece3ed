"""Joints are found by name, whatever order and company they come in."""

import numpy as np
import pytest

from jepa_wm_ros.nodes.joint_reader import JointReader
from jepa_wm_ros.robot.gripper import GripperCodec

ARM = ('one', 'two', 'three')


@pytest.fixture
def reader():
    codec = GripperCodec.preset('franka_hand')
    return JointReader(joint_names=ARM, gripper_joint='finger', codec=codec)


def test_order_does_not_matter(reader):
    joints = reader.read(['three', 'finger', 'one', 'two'], [3.0, 0.01, 1.0, 2.0])
    np.testing.assert_array_equal(joints, [1.0, 2.0, 3.0])
    assert reader.gripper == pytest.approx(0.75)


def test_order_may_change_from_message_to_message(reader):
    reader.read(['one', 'two', 'three'], [1.0, 2.0, 3.0])
    joints = reader.read(['two', 'one', 'three'], [2.0, 1.0, 3.0])
    np.testing.assert_array_equal(joints, [1.0, 2.0, 3.0])


def test_gripper_may_report_alone(reader):
    assert reader.read(['finger'], [0.04]) is None
    assert reader.gripper == 0.0
    assert reader.read(list(ARM), [1.0, 2.0, 3.0]) is not None
    assert reader.gripper == 0.0


def test_it_is_known_whether_the_last_message_held_the_gripper(reader):
    assert not reader.gripper_read
    reader.read([*ARM, 'finger'], [1.0, 2.0, 3.0, 0.04])
    assert reader.gripper_read
    reader.read(list(ARM), [1.0, 2.0, 3.0])
    assert not reader.gripper_read
    reader.read(['finger'], [])
    assert not reader.gripper_read


def test_messages_of_others_are_no_joint_state_of_the_arm(reader):
    assert reader.read(['one', 'two'], [1.0, 2.0]) is None
    assert reader.read(['wheel'], [1.0]) is None
    assert reader.gripper is None


@pytest.mark.parametrize(
    ('names', 'positions', 'words'),
    [
        (ARM, [1.0, 2.0], '3 names and 2 positions'),
        ((*ARM, 'finger'), [], '4 names and 0 positions'),
        (('one', 'two'), [1.0, 2.0], 'lacks three (it has one, two)'),
        ((), [], 'it has none'),
        (('one', 'two', 'three', 'one'), [1.0, 2.0, 3.0, 4.0], 'names one more than once'),
    ],
)
def test_what_is_wrong_with_a_message_is_said(reader, names, positions, words):
    assert reader.read(list(names), positions) is None
    assert words in reader.trouble
    assert reader.read(list(ARM), [1.0, 2.0, 3.0]) is not None
    assert reader.trouble == ''


def test_reading_of_another_gripper_makes_the_gripper_unknown_and_leaves_the_arm(reader):
    reader.read(['finger'], [0.02])
    joints = reader.read([*ARM, 'finger'], [1.0, 2.0, 3.0, 0.8])
    np.testing.assert_array_equal(joints, [1.0, 2.0, 3.0])
    assert reader.gripper is None
    assert not reader.gripper_read
    assert '0.8' in reader.gripper_trouble


def test_the_sets_of_joints_that_are_published_are_known_for_a_while(reader):
    reader.read(list(ARM), [1.0, 2.0, 3.0], 0.0)
    reader.read(['finger'], [0.02], 1.0)
    assert set(reader.heard(1.0)) == {frozenset(ARM), frozenset(['finger'])}
    assert reader.heard(5.5) == [frozenset(['finger'])]
