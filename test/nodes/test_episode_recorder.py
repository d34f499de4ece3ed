"""Episodes are recorded one after the other, each into a bag of its own."""

import json
import threading

import pytest
from mcap.reader import make_reader
from sensor_msgs.msg import JointState

from jepa_wm_ros.data.writing.bag_writer import BagWriteError
from jepa_wm_ros.nodes.episode_recorder import EpisodeRecorder, EpisodeRecordError
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_stamp


@pytest.fixture
def robot(graph):
    """Publishes joint states in a thread of its own until the test ends."""
    node = graph.node('robot')
    publisher = node.create_publisher(JointState, 'joint_states', qos.sensor(100))
    ended = threading.Event()

    def speak():
        number = 0
        while not ended.wait(0.02):
            message = JointState(name=['a'], position=[float(number)])
            message.header.stamp = encode_stamp(1.0 + number)
            publisher.publish(message)
            number += 1

    thread = threading.Thread(target=speak)
    thread.start()
    yield graph.domain
    ended.set()
    thread.join()


def read(folder):
    with (folder / f'{folder.name}_0.mcap').open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        count = sum(1 for _ in reader.iter_messages())
        return count, {record.name: record.data for record in reader.iter_attachments()}


def test_each_episode_is_a_whole_bag(robot, tmp_path):
    for number in (0, 1):
        recorder = EpisodeRecorder(
            tmp_path / f'episode_{number}', ['/joint_states'], domain_id=robot
        )
        with recorder:
            recorder.attach('episode.json', json.dumps({'episode': number}))
            recorder.wait_until_heard(['/joint_states'], 30.0)
        (row,) = recorder.audit
        count, files = read(tmp_path / f'episode_{number}')
        assert row['topic'] == '/joint_states'
        assert row['count'] == count > 0
        assert json.loads(files['episode.json']) == {'episode': number}
        assert (tmp_path / f'episode_{number}' / 'metadata.yaml').exists()


def test_silence_is_an_error_that_names_the_topics(robot, tmp_path):
    recorder = EpisodeRecorder(tmp_path / 'e', ['/joint_states', '/image'], domain_id=robot)
    with recorder:
        recorder.wait_until_heard(['/joint_states'], 30.0)
        with pytest.raises(EpisodeRecordError, match='nobody published /image within 2 s'):
            recorder.wait_until_heard(['/joint_states', '/image'], 2.0)


def test_a_bag_is_not_overwritten(robot, tmp_path):
    (tmp_path / 'e').mkdir()
    with pytest.raises(BagWriteError, match='exists already'):
        EpisodeRecorder(tmp_path / 'e', ['/joint_states'], domain_id=robot)
