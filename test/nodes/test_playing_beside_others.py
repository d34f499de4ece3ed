"""A bag beside a living graph: nothing is commanded, and no state has two sources."""

import os
import re
import subprocess
import sys

import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray, Int32, String
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.data.timeline import TimelineError
from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.data.writing.metadata import TopicFacts
from jepa_wm_ros.data.writing.types import MessageTypes
from jepa_wm_ros.evaluation.bags.page import play_command
from jepa_wm_ros.nodes.player import BagPlayer, PlaySettings, RivalError, choose
from jepa_wm_ros.nodes.recorder import _written
from jepa_wm_ros.ros.joining import join

LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
KINDS = {
    '/image': Image,
    '/joint_states': JointState,
    '/joint_trajectory': JointTrajectory,
    '/target_pose': PoseStamped,
    '/ee_pose': PoseStamped,
    '/commands': Float64MultiArray,
}
SECOND = 1_000_000_000


def write(folder, rows, latched=()):
    """Write a bag of `(seconds, topic, message)`."""
    types, writer = MessageTypes(), BagWriter(folder)
    for seconds, topic, message in rows:
        kind = type(message)
        name = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
        definition, type_hash = types.describe(name)
        qos = [_written(LATCHED if topic in latched else QoSProfile(depth=10))]
        writer.add_topic(
            TopicFacts(name=topic, type=name, type_hash=type_hash, qos=qos), definition
        )
        writer.write(topic, int((100 + seconds) * SECOND), serialize_message(message))
    writer.close()
    return folder


@pytest.fixture
def bag(tmp_path):
    rows = [(0.1 * n, topic, kind()) for n in range(5) for topic, kind in KINDS.items()]
    return write(tmp_path / 'bag', sorted(rows, key=lambda row: row[0]))


@pytest.fixture
def make(graph):
    def made(folder, **settings):
        for node in made.nodes:
            graph.executor.remove_node(node)
            node.destroy_node()
        made.nodes = [graph.node('bag_player')]
        opened = open_bag(folder)
        bag = opened.__enter__()
        made.opened.append(opened)
        spin = lambda seconds: graph.executor.spin_once(timeout_sec=seconds)  # noqa: E731
        return BagPlayer(made.nodes[0], bag, PlaySettings(**settings), spin)

    made.opened, made.nodes = [], []
    yield made
    for opened in made.opened:
        opened.__exit__(None, None, None)


def names(player):
    return {p.topic_name for p in player._node.publishers} & {*KINDS, '/elsewhere', '/goal_pose'}


def test_commands_have_no_publisher_until_they_are_asked_for(make, bag):
    player = make(bag)
    assert names(player) == {'/image', '/joint_states', '/ee_pose'}
    assert set(player.selection.held) == {'/joint_trajectory', '/target_pose', '/commands'}
    assert names(make(bag, commands=True)) == set(KINDS)


@pytest.mark.parametrize(
    ('remap', 'played'),
    [
        ({'/target_pose': '/elsewhere'}, {'/ee_pose'}),
        ({'/joint_trajectory': '/elsewhere'}, {'/ee_pose'}),
        ({'/ee_pose': '/goal_pose'}, set()),
        ({'/ee_pose': '/elsewhere'}, set()),
    ],
)
def test_another_name_makes_no_command_harmless_and_no_state_a_command(bag, remap, played):
    with open_bag(bag) as opened:
        chosen = choose(opened, PlaySettings(topics=('/*_pose', *remap), remap=remap))
    assert set(chosen.names) == played


def test_a_command_that_is_named_is_still_none_to_play(make, bag):
    with pytest.raises(TimelineError, match=r'--commands only: /target_pose \(geometry_msgs'):
        make(bag, topics=('/target_pose',))


def test_a_living_publisher_of_a_state_ends_the_matter_before_it_begins(graph, make, bag):
    robot = graph.node('robot')
    robot.create_publisher(JointState, '/joint_states', 10)
    watcher = graph.node('watcher')
    graph.spin_until(lambda: watcher.count_publishers('/joint_states') == 1)
    with pytest.raises(RivalError, match='/joint_states by /robot'):
        make(bag)
    assert watcher.count_publishers('/joint_states') == 1
    assert make(bag, exclude=('/joint_states',))
    assert make(bag, remap={'/joint_states': '/recorded/joint_states'}).selection.names


def test_a_publisher_that_comes_later_ends_it(graph, make, bag):
    player = make(bag, rate=0.05)
    robot = graph.node('robot')
    robot.create_timer(0.05, lambda: robot.create_publisher(Image, '/image', 10))
    with pytest.raises(RivalError, match='/image by /robot'):
        player.play()


def test_topics_of_others_can_be_left_out_at_once_and_later(graph, make, bag):
    robot = graph.node('robot')
    robot.create_publisher(Image, '/image', 10)
    graph.spin_until(lambda: robot.count_publishers('/image') == 1)
    player = make(bag, leave_out_rivals=True, rate=0.5)
    assert names(player) == {'/joint_states', '/ee_pose'}
    timer = robot.create_timer(
        0.05, lambda: (robot.create_publisher(JointState, '/joint_states', 10), timer.cancel())
    )
    player.play()
    assert names(player) == {'/ee_pose'}
    assert set(player.selection.rivals) == {'/image', '/joint_states'}
    assert 5 <= player.played < 10


def test_what_everybody_publishes_is_no_rival(graph, make, tmp_path):
    folder = write(
        tmp_path / 'said', [(0.0, '/robot_description', String()), (0.1, '/image', Image())]
    )
    robot = graph.node('robot')
    robot.create_publisher(String, '/robot_description', 10)
    graph.spin_until(lambda: robot.count_publishers('/robot_description') == 1)
    assert set(make(folder).selection.names) == {'/robot_description', '/image'}


def frame(name):
    from geometry_msgs.msg import TransformStamped

    return TFMessage(transforms=[TransformStamped(child_frame_id=name)])


def test_a_start_in_the_middle_brings_what_was_latched_before(graph, make, tmp_path):
    rows = [
        (0.0, '/tf_static', frame('a')),
        (0.1, '/robot_description', String(data='old')),
        (0.2, '/tf_static', frame('b')),
        (0.3, '/robot_description', String(data='new')),
        (0.4, '/count_status', Int32(data=1)),
        (1.0, '/count_status', Int32(data=2)),
    ]
    folder = write(tmp_path / 'bag', rows, latched=('/tf_static', '/robot_description'))
    player = make(folder, start_s=0.6)
    heard = []
    listener = graph.node('listener')
    for topic, kind in (
        ('/tf_static', TFMessage),
        ('/robot_description', String),
        ('/count_status', Int32),
    ):
        profile = LATCHED if kind is not Int32 else QoSProfile(depth=10)
        profile = QoSProfile(depth=10, durability=profile.durability)
        listener.create_subscription(kind, topic, heard.append, profile)
    graph.spin_until(lambda: all(p.get_subscription_count() for p in player._publishers.values()))
    player.play()
    assert (player.latched, player.played) == (3, 1)
    graph.spin_until(lambda: len(heard) == 4)
    frames = [m.transforms[0].child_frame_id for m in heard if isinstance(m, TFMessage)]
    assert frames == ['a', 'b']
    assert [m.data for m in heard if not isinstance(m, TFMessage)] == ['new', 2]
    # who comes afterwards gets them as well
    late = []
    keen = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    graph.node('late').create_subscription(TFMessage, '/tf_static', late.append, keen)
    graph.spin_until(lambda: len(late) == 2)


def play(graph, *words):
    command = [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'bag', 'play', *words]
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(graph.domain), 'COLUMNS': '200'}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_the_command_says_what_it_leaves_out(graph, bag):
    done = play(graph, str(bag), '--rate', '10', '--delay', '0')
    assert done.returncode == 0, done.stderr
    assert 'left out, since they could move something (--commands plays them):' in done.stdout
    assert '  /target_pose (geometry_msgs/msg/PoseStamped)' in done.stdout
    assert done.stdout.splitlines()[-1] == '15 messages'


def test_the_line_of_the_report_moves_nothing_beside_a_living_robot(graph, bag):
    """As it is printed, word by word, by another process."""
    context = join(domain_id=graph.domain)
    robot = rclpy.create_node('robot', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(robot)
    robot.create_publisher(JointState, '/joint_states', 10)
    heard = []
    for topic, kind in KINDS.items():
        robot.create_subscription(kind, topic, heard.append, QoSProfile(depth=10))
    line = play_command(str(bag), 0.0)
    assert re.fullmatch(r'jepa-wm bag play \S+ --start 0\.0', line)
    try:
        done = play(graph, *line.split()[3:])
        executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        robot.destroy_node()
        context.try_shutdown()
    assert done.returncode == 1
    assert done.stderr.startswith(
        'jepa-wm: others publish what the bag would: /joint_states by /robot'
    )
    assert heard == []
