"""The frame of the arm in a bag, read without knowing our own messages."""

import pytest

from jepa_wm_ros.data.readers.bag_file import RawMessage
from jepa_wm_ros.data.readers.base_frame import base_frame

STATUS = 'jepa_wm_msgs/msg/SafetyStatus'
DEFINITION = 'std_msgs/Header header\nuint8 state\n'


def write_states(path, frames, topic='/left/safety_status'):
    """A bag with states of an action publisher whose header names a frame."""
    from rosbags.rosbag2 import Writer
    from rosbags.rosbag2.enums import StoragePlugin
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(DEFINITION, STATUS))
    header, time = (
        store.types[name] for name in ('std_msgs/msg/Header', 'builtin_interfaces/msg/Time')
    )
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(topic, STATUS, typestore=store)
        for number, frame in enumerate(frames):
            stamp = time(sec=number, nanosec=0)
            message = store.types[STATUS](header=header(stamp=stamp, frame_id=frame), state=1)
            writer.write(connection, number, store.serialize_cdr(message, STATUS))
    return path


@pytest.mark.parametrize('frame', ['panda_link0', 'fr3_link0', ''])
def test_base_frame_is_what_the_action_publisher_said(tmp_path, frame):
    assert base_frame(write_states(tmp_path / 'bag', [frame, 'later'])) == frame


def test_without_an_action_publisher_it_is_not_known(tmp_path):
    bag = write_states(tmp_path / 'bag', ['panda_link0'], topic='/something')
    assert base_frame(bag) == ''


@pytest.mark.parametrize('data', [b'', b'\0\1\0\0', b'\0\1\0\0' + 8 * b'\0'])
def test_a_message_that_was_cut_off_names_no_frame(data):
    assert RawMessage('/a', STATUS, 0.0, data).frame_id == ''
