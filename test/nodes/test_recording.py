"""Recording a live graph: every message, also when the recorder is killed."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from sensor_msgs.msg import Image, JointState

from jepa_wm_ros.data.writing.recovery import recover
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_stamp
from jepa_wm_ros.ros.images import encode_image


class Robot:
    """Publishes numbered joint states, 50 a second, and a topic that stays silent."""

    def __init__(self, graph):
        self.graph, self.node = graph, graph.node('robot')
        self.node.declare_parameter('speed', 0.5)
        self.joints = self.node.create_publisher(JointState, 'joint_states', qos.sensor(100))
        self.silent = self.node.create_publisher(JointState, 'silent', qos.latched())
        self.goals = self.node.create_publisher(Image, 'left/goal_image', qos.latched())
        self.sent = []

    def speak(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now_s = time.time()
            message = JointState(name=['a'], position=[float(len(self.sent))])
            message.header.stamp = encode_stamp(now_s)
            self.joints.publish(message)
            self.sent.append(now_s)
            self.graph.executor.spin_once(timeout_sec=0.0)
            time.sleep(0.02)


@pytest.fixture
def robot(graph):
    return Robot(graph)


@pytest.fixture
def start(robot, tmp_path):
    """Start `jepa-wm bag record` and wait until it listens."""
    running = []

    def run(*words):
        command = [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'bag', 'record']
        process = subprocess.Popen(
            [*command, *words, '--out', str(tmp_path / 'bag')],
            env={**os.environ, 'ROS_DOMAIN_ID': str(robot.graph.domain), 'COLUMNS': '200'},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        robot.graph.spin_until(robot.joints.get_subscription_count, 30.0)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


def read(path):
    """Topics, log times [s] and metadata of an MCAP file, read strictly."""
    with path.open('rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        rows = [
            (channel.topic, m.log_time / 1e9, m.data) for _, channel, m in reader.iter_messages()
        ]
        kept = {record.name: record.metadata for record in reader.iter_metadata()}
        files = {record.name: record.data for record in reader.iter_attachments()}
    return rows, kept, files


def test_all_messages_are_recorded_with_where_they_come_from(robot, start, tmp_path):
    goal = tmp_path / 'goal.png'
    goal.write_bytes(b'picture')
    process = start('/joint_states', '/silent', '/nobody', '--goal', str(goal))
    robot.graph.spin_until(robot.silent.get_subscription_count)
    robot.speak(3.0)
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=20)
    assert process.returncode == 1, shown
    assert '/nobody: nobody published it' in shown
    last = shown.splitlines()[-1]
    assert f'bag: {len(robot.sent)} messages on 1 topics' in last
    assert last.endswith('silent: /silent')
    rows, kept, files = read(tmp_path / 'bag' / 'bag_0.mcap')
    from rclpy.serialization import deserialize_message

    numbers = [deserialize_message(data, JointState).position[0] for _, _, data in rows]
    assert numbers == list(range(len(robot.sent)))
    audit = {row['topic']: row for row in json.loads(kept['jepa_wm/audit']['json'])}
    assert audit['/silent']['count'] == 0
    assert audit['/joint_states']['count'] == len(robot.sent)
    assert kept['jepa_wm']['bundle'].startswith('franka_cell_reach@')
    assert files['goal_0.png'] == b'picture'
    assert b'name: franka_cell_reach' in files['model.yaml']
    assert yaml.safe_load(files['parameters/robot.yaml'])['/robot']['speed'] == 0.5


def test_goals_that_come_as_messages_are_attached_as_pictures(robot, start, tmp_path):
    process = start()
    robot.graph.spin_until(robot.goals.get_subscription_count)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    for number in (0, 1, 1, 0, 2):
        robot.goals.publish(encode_image(pictures[number]))
        robot.speak(0.3)
    robot.goals.publish(Image(encoding='rgb8', height=9, width=9))  # no picture at all
    robot.speak(1.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = recover(tmp_path / 'bag', tmp_path / 'saved')
    counts = {row['topic']: row['count'] for row in saved.audit}
    assert counts['/left/goal_image'] == 6
    _, _, files = read(tmp_path / 'saved' / 'saved_0.mcap')
    names = sorted(name for name in files if name.startswith('goal_image'))
    assert names == ['goal_image_0.png', 'goal_image_1.png', 'goal_image_2.png']
    for name, picture in zip(names, pictures, strict=True):
        data = np.frombuffer(files[name], np.uint8)
        np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], picture)
    # parameters came before the recorder was killed
    assert yaml.safe_load(files['parameters/robot.yaml'])['/robot']['speed'] == 0.5


def test_killing_the_recorder_costs_less_than_a_second(robot, start, tmp_path):
    process = start('/joint_states')
    robot.speak(3.0)
    process.send_signal(signal.SIGKILL)
    killed_s = time.time()
    process.wait()
    saved = recover(tmp_path / 'bag', tmp_path / 'saved')
    rows, _, _ = read(tmp_path / 'saved' / 'saved_0.mcap')
    expected = [sent for sent in robot.sent if sent <= killed_s - 1.0]
    assert saved.messages == len(rows) >= len(expected) > 50
    assert rows[-1][1] > killed_s - 1.0
