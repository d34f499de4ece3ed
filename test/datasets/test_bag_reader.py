"""Bags become episodes: the right picture, the pose at its stamp, the difference to the next."""

import itertools

import numpy as np
import pytest
from fabricated import joints_at, number_of, pose_at, write_bag

from jepa_wm_ros.data.readers.mapping import GripperMapping, read_mapping
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, from_euler, pose_difference, to_euler


@pytest.fixture(scope='module')
def kinematics():
    return Kinematics()


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('compressed', [False, True])
def test_pictures_are_a_step_apart(build, tmp_path, storage, compressed):
    write_bag(tmp_path / 'bag', storage=storage, compressed=compressed)
    table, audit = build(tmp_path / 'bag')
    # 15 Hz and 0.4 s: every sixth picture
    assert [number_of(p) for p in table.pixels] == [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60]
    assert audit.steps.measured_s == pytest.approx((0.4,) * 5, abs=1e-6)
    assert table.pixels[3, 0, :3, 0].tolist() == table.pixels[3, 0, :3, 2].tolist()


def test_actions_are_pose_differences_at_the_stamps_of_the_pictures(build, tmp_path, kinematics):
    write_bag(tmp_path / 'bag', state_hz=500.0)
    table, _ = build(tmp_path / 'bag')
    poses = [kinematics.forward(joints_at(0.4 * step)) for step in range(11)]
    expected = [pose_difference(a, b) for a, b in itertools.pairwise(poses)]
    np.testing.assert_allclose(table.action[:-1, :6], expected, atol=2e-6)
    assert np.isnan(table.action[-1]).all()
    proprio = [[*pose.position, *to_euler(pose)] for pose in poses]
    np.testing.assert_allclose(table.proprio[:, :6], proprio, atol=2e-6)


def test_the_gripper_goes_through_its_codec(build, tmp_path):
    # the fabricated hand closes from 4 cm to 0 within 4 s
    write_bag(tmp_path / 'bag')
    table, audit = build(tmp_path / 'bag')
    np.testing.assert_allclose(table.proprio[:, 6], np.arange(11) / 10, atol=1e-6)
    np.testing.assert_allclose(table.action[:-1, 6], 0.1, atol=1e-6)
    assert audit.facts[0].note == ''


def test_without_a_gripper_it_counts_as_open_and_is_noted(build, tmp_path):
    write_bag(tmp_path / 'bag')
    mapping = replaced(grippers=(GripperMapping(joint='claw', kind='robotiq'),))
    table, audit = build(tmp_path / 'bag', mapping=mapping)
    assert (table.proprio[:, 6] == 0).all()
    assert 'counts as open' in audit.facts[0].note


def test_a_gripper_may_have_values_of_its_own(build, tmp_path):
    write_bag(tmp_path / 'bag')
    gripper = GripperMapping(joint='panda_finger_joint1', open_value=0.08, closed_value=0.0)
    table, _ = build(tmp_path / 'bag', mapping=replaced(grippers=(gripper,)))
    np.testing.assert_allclose(table.proprio[:, 6], 0.5 + np.arange(11) / 20, atol=1e-6)


def test_a_gripper_may_be_a_number_on_a_topic(build, tmp_path):
    write_bag(tmp_path / 'bag', openness=lambda t: 1.0 - t / 5)
    grippers = (GripperMapping(topic='/gripper', kind='crisp'),)
    table, _ = build(tmp_path / 'bag', mapping=replaced(grippers=grippers))
    np.testing.assert_allclose(table.proprio[:, 6], 0.08 * np.arange(11), atol=1e-6)


def test_before_the_first_reading_of_the_gripper_nothing_is_known(build, tmp_path):
    write_bag(tmp_path / 'bag', openness=lambda t: None if t < 1 else 0.5)
    grippers = (GripperMapping(topic='/gripper', kind='crisp'),)
    table, _ = build(tmp_path / 'bag', mapping=replaced(grippers=grippers))
    assert number_of(table.pixels[0]) == 15
    assert (table.proprio[:, 6] == 0.5).all()


@pytest.mark.parametrize('mode', ['FILE', 'MESSAGE', 'STORAGE'])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_compressed_bags_are_read(build, tmp_path, storage, mode):
    from rosbags.rosbag2 import CompressionMode

    if (storage, mode) == ('sqlite3', 'STORAGE'):
        pytest.skip('sqlite3 has no compression of its own')
    write_bag(tmp_path / 'bag', storage=storage, zstd=CompressionMode[mode])
    table, _ = build(tmp_path / 'bag')
    assert [number_of(p) for p in table.pixels][-2:] == [54, 60]


def test_poses_are_taken_instead_of_kinematics(build, tmp_path):
    write_bag(tmp_path / 'bag', poses=pose_at, state_hz=200.0)
    table, _ = build(tmp_path / 'bag', mapping=replaced(poses=('/ee_pose',)))
    expected = [pose_at(0.4 * step).position for step in range(11)]
    np.testing.assert_allclose(table.proprio[:, :3], expected, atol=1e-5)
    # the roll of this motion wraps at pi; its differences must not
    assert np.abs(table.action[:-1, 3]).max() < 0.05


def test_the_pose_of_the_hand_is_turned_into_that_of_the_flange(build, tmp_path):
    tool = Pose(np.zeros(3), from_euler([0, 0, 0], [0, 0, -np.pi / 4]).rotation)
    tool = tool.compose(Pose(np.array([0, 0, 0.1034])))
    write_bag(tmp_path / 'bag', poses=lambda t: pose_at(t).compose(tool), state_hz=200.0)
    table, _ = build(tmp_path / 'bag', mapping=replaced(poses=('/ee_pose',), pose_of='hand_tcp'))
    expected = [[*pose_at(0.4 * k).position, *to_euler(pose_at(0.4 * k))[1:]] for k in range(11)]
    np.testing.assert_allclose(table.proprio[:, [0, 1, 2, 4, 5]], expected, atol=1e-5)


def test_fr3_joints_and_other_topics_are_known(build, tmp_path):
    names = [f'fr3_joint{number}' for number in range(1, 8)]
    topics = ('/camera/camera/color/image_raw', '/franka/joint_states')
    write_bag(tmp_path / 'bag', joint_names=names, topics=topics)
    table, _ = build(tmp_path / 'bag')
    assert table.length.tolist() == [11]


def test_a_camera_may_be_named_by_its_topic(build, tmp_path):
    write_bag(tmp_path / 'bag', topics=('/side/image', '/joint_states'))
    table, _ = build(tmp_path / 'bag', camera='/side/image')
    assert table.length.tolist() == [11]


def test_time_of_arrival_is_used_when_the_mapping_says_so(build, tmp_path):
    # a camera whose header says nothing
    write_bag(tmp_path / 'bag', pictures=lambda _: -1000.0)
    table, _ = build(tmp_path / 'bag', mapping=replaced(stamps='log'))
    assert [number_of(p) for p in table.pixels][:3] == [0, 6, 12]


def test_pictures_that_arrive_out_of_order_are_put_in_order(build, tmp_path):
    # every other picture is stamped a little earlier than the one before it
    swap = lambda t: t - 0.1 if round(t * 15) % 2 else t  # noqa: E731
    write_bag(tmp_path / 'bag', pictures=swap)
    table, _ = build(tmp_path / 'bag')
    assert [number_of(p) for p in table.pixels] == [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60]


def test_a_bag_file_may_stand_alone(build, tmp_path):
    bag = write_bag(tmp_path / 'bag')
    (bag / 'metadata.yaml').unlink()
    table, audit = build(tmp_path)
    assert table.length.tolist() == [11]
    assert audit.facts[0].name == 'bag/bag.mcap'


def replaced(**changes):
    import dataclasses

    return dataclasses.replace(read_mapping(), **changes)
