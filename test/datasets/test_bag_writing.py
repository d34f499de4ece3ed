"""Bags that we write: readable by others, and worth something when their recorder dies."""

import json

from pathlib import Path

import pytest
import yaml
from fabricated import header_of

from jepa_wm_ros.data.writing.bag_writer import BagWriteError, BagWriter
from jepa_wm_ros.data.writing.metadata import TopicFacts
from jepa_wm_ros.data.writing.recovery import recover
from jepa_wm_ros.data.writing.types import MessageTypeError, MessageTypes

JOINTS = 'sensor_msgs/msg/JointState'


@pytest.fixture(scope='module')
def types():
    return MessageTypes()


@pytest.fixture
def messages():
    """Joint states of ten per second, as (log time, CDR bytes)."""
    import numpy as np
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    empty = np.zeros(0)
    kind = store.types[JOINTS]
    made = []
    for n in range(40):
        fields = {'name': ['a'], 'position': np.array([n / 10]), 'velocity': empty}
        message = kind(header=header_of(store, 5.0 + n / 10), effort=empty, **fields)
        made.append((int((5.0 + n / 10) * 1e9), bytes(store.serialize_cdr(message, JOINTS))))
    return made


def begun(folder, types):
    writer = BagWriter(folder, {'bundle': 'reach@123'}, distro='jazzy')
    text, digest = types.describe(JOINTS)
    qos = [{'history': 'keep_last', 'depth': 1, 'reliability': 'reliable',
            'durability': 'volatile', 'deadline': {'sec': 0, 'nsec': 0},
            'lifespan': {'sec': 0, 'nsec': 0}, 'liveliness': 'automatic',
            'liveliness_lease_duration': {'sec': 0, 'nsec': 0},
            'avoid_ros_namespace_conventions': False}]  # fmt: skip
    for name in ('/joint_states', '/silent'):
        facts = TopicFacts(name=name, type=JOINTS, type_hash=digest, qos=qos)
        writer.add_topic(facts, text)
    return writer


def read_metadata(folder):
    text = (folder / 'metadata.yaml').read_text()
    return yaml.safe_load(text)['rosbag2_bagfile_information']


def test_messages_that_came_in_one_burst_have_no_rate(tmp_path, types, messages):
    writer = begun(tmp_path / 'bag', types)
    for number, (_, data) in enumerate(messages[:3]):
        writer.write('/joint_states', messages[0][0] + 1000 * number, data)
    assert writer.close()[0]['rate_hz'] == 0.0


def test_a_bag_is_read_by_rosbags_with_its_metadata(tmp_path, types, messages):
    from rosbags.rosbag2 import Reader

    writer = begun(tmp_path / 'bag', types)
    writer.attach('goal_0.png', 'image/png', b'picture')
    for log_ns, data in messages:
        writer.write('/joint_states', log_ns, data)
    audit = writer.close()
    assert [(row['topic'], row['count']) for row in audit] == [
        ('/joint_states', 40),
        ('/silent', 0),
    ]
    assert audit[0]['rate_hz'] == pytest.approx(10.0)
    assert audit[0]['longest_gap_s'] == pytest.approx(0.1)
    with Reader(tmp_path / 'bag') as reader:
        assert reader.duration == messages[-1][0] - messages[0][0] + 1
        read = [(log_ns, bytes(data)) for _, log_ns, data in reader.messages()]
        connection = reader.connections[0]
        assert connection.digest.startswith('RIHS01_a13ee3a330e346c9')
        assert connection.ext.offered_qos_profiles[0].depth == 1
    assert read == messages
    information = read_metadata(tmp_path / 'bag')
    assert (information['version'], information['message_count']) == (9, 40)
    assert information['custom_data'] == {'bundle': 'reach@123'}


def test_the_file_is_strictly_valid_mcap(tmp_path, types, messages):
    from mcap.reader import make_reader

    writer = begun(tmp_path / 'bag', types)
    writer.attach('goal_0.png', 'image/png', b'picture')
    for log_ns, data in messages:
        writer.write('/joint_states', log_ns, data)
    writer.close({'missing': ['/image']})
    with writer.path.open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert reader.get_header().profile == 'ros2'
        assert reader.get_summary().statistics.message_count == 40
        assert [a.name for a in reader.iter_attachments()] == ['goal_0.png']
        kept = {record.name: record.metadata for record in reader.iter_metadata()}
        schema = reader.get_summary().schemas[1]
    assert kept['jepa_wm'] == {'bundle': 'reach@123'}
    assert json.loads(kept['jepa_wm/missing']['json']) == ['/image']
    assert (schema.name, schema.encoding) == (JOINTS, 'ros2msg')
    assert b'MSG: std_msgs/Header' in schema.data


@pytest.mark.parametrize('compression', ['zstd', 'lz4', 'none'])
def test_what_was_flushed_survives_and_is_recovered(tmp_path, types, messages, compression):
    from rosbags.rosbag2 import Reader, ReaderError

    writer = begun(tmp_path / 'bag', types)
    writer.attach('goal_0.png', 'image/png', b'picture')
    for number, (log_ns, data) in enumerate(messages):
        writer.write('/joint_states', log_ns, data)
        if number == 29:
            writer.flush()
            on_disk = writer.path.read_bytes()
    torn = tmp_path / 'torn.mcap'
    torn.write_bytes(on_disk + b'\x06\xff\x00\x00')
    with pytest.raises(ReaderError):
        Reader(torn).open()
    saved = recover(torn, tmp_path / 'saved')
    assert saved.messages == 30
    assert saved.broken
    with Reader(tmp_path / 'saved') as reader:
        assert [bytes(data) for _, _, data in reader.messages()] == [d for _, d in messages[:30]]
    assert read_metadata(tmp_path / 'saved')['custom_data'] == {'bundle': 'reach@123'}


def test_a_whole_bag_is_recovered_as_it_is(tmp_path, types, messages):
    writer = begun(tmp_path / 'bag', types)
    for log_ns, data in messages:
        writer.write('/joint_states', log_ns, data)
    writer.close()
    saved = recover(tmp_path / 'bag', tmp_path / 'saved')
    assert (saved.messages, saved.broken) == (40, '')


def test_nothing_is_overwritten_and_nothing_made_of_nothing(tmp_path):
    with pytest.raises(BagWriteError, match='exists already'):
        BagWriter(tmp_path)
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file' / 'bag', tmp_path / ('x' * 300), Path('/proc/bag')):
        with pytest.raises(BagWriteError, match='cannot be made: .*; choose another --out'):
            BagWriter(folder)
    (tmp_path / 'junk.mcap').write_bytes(b'junk')
    with pytest.raises(BagWriteError, match='does not begin as an MCAP file'):
        recover(tmp_path / 'junk.mcap', tmp_path / 'out')
    (tmp_path / 'junk.mcap').write_bytes(b'\x89MCAP0\r\n' + b'junk')
    with pytest.raises(BagWriteError, match='not a single message'):
        recover(tmp_path / 'junk.mcap', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    with pytest.raises(BagWriteError, match='exactly one'):
        recover(tmp_path / 'none', tmp_path / 'out')


def test_unknown_types_are_named(types):
    with pytest.raises(MessageTypeError, match='no_msgs/msg/None'):
        types.describe('no_msgs/msg/None')
