"""A bag and the live node make the same observation of the same messages: not nearly, exactly."""

import numpy as np
import pytest
from fabricated import write_bag
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import CompressedImage, Image, JointState

from jepa_wm_ros.robot.description import ARM_JOINTS
from jepa_wm_ros.robot.gripper import GripperCodec
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.state import RobotState
from jepa_wm_ros.ros.conversions import decode_stamp
from jepa_wm_ros.ros.images import decode_image
from jepa_wm_ros.worldmodel.camera import fit_picture
from jepa_wm_ros.worldmodel.contract import CameraContract

CAMERA = CameraContract(width=32, height=32)


def live_observations(bag, kind):
    """What the encoder node makes of the messages of a bag, in order of arrival.

    Yields (stamp, picture, proprio); the state is asked for when one state more has come, as it is
    when a picture has been encoded.
    """
    robot = RobotState(
        joint_names=ARM_JOINTS,
        gripper_joint='panda_finger_joint1',
        codec=GripperCodec.preset('franka_hand'),
        kinematics=Kinematics(),
        max_gap_s=0.25,
    )
    waiting = []
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            if connection.topic == '/image':
                waiting.append(deserialize_message(bytes(data), kind))
                continue
            message = deserialize_message(bytes(data), JointState)
            stamp_s = decode_stamp(message.header.stamp)
            robot.add_joints(stamp_s, message.name, message.position)
            while waiting and decode_stamp(waiting[0].header.stamp) <= stamp_s:
                image = waiting.pop(0)
                at_s = decode_stamp(image.header.stamp)
                fields = ('x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper')
                yield (
                    at_s,
                    fit_picture(decode_image(image), CAMERA),
                    robot.at(at_s).proprio(fields),
                )


@pytest.mark.parametrize(('compressed', 'kind'), [(False, Image), (True, CompressedImage)])
def test_pictures_and_states_are_the_same(build, tmp_path, compressed, kind):
    import h5py

    bag = write_bag(tmp_path / 'bag', compressed=compressed, state_hz=37.0)
    table, _ = build(bag)
    with h5py.File(tmp_path / 'out.h5') as file:
        stamps = file['stamp'][()]
    live = {stamp: (picture, state) for stamp, picture, state in live_observations(bag, kind)}
    assert len(stamps) >= 10
    for row, stamp in enumerate(stamps):
        picture, state = live[stamp]
        np.testing.assert_array_equal(table.pixels[row], picture)
        np.testing.assert_array_equal(table.proprio[row], state.astype(np.float32))
