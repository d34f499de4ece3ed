"""Who publishes what, by node and by process: as rules, and in a real graph of two processes."""

import subprocess
import sys

import pytest
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient, ActionServer
from ros_graph import Graph
from sensor_msgs.msg import CompressedImage, Image, JointState

from jepa_wm_ros.ros import sources
from jepa_wm_ros.ros.sources import Endpoint

OTHER = """
import sys, rclpy
from rclpy.action import ActionClient
from control_msgs.action import FollowJointTrajectory
from sensor_msgs.msg import JointState
rclpy.init(domain_id=int(sys.argv[1]))
node = rclpy.create_node('arm')
publisher = node.create_publisher(JointState, 'joints', 1)
client = ActionClient(node, FollowJointTrajectory, 'controller/follow')
print('here', flush=True)
rclpy.spin(node)
"""


def endpoint(node, process=1, number=1):
    return Endpoint(node=node, gid=bytes([process]) * 12 + bytes([0, 0, 0, number]))


@pytest.mark.parametrize(
    ('endpoints', 'said'),
    [
        ([], 'nobody'),
        ([endpoint('/a')], '/a'),
        ([endpoint('/b'), endpoint('/a', 2)], '/a, /b (2 publishers)'),
        ([endpoint('/a'), endpoint('/a', 2)], '/a (2 publishers in 2 processes)'),
        ([endpoint('/a'), endpoint('/a', 1, 2)], '/a (2 publishers)'),
    ],
)
def test_nodes_are_named_with_their_number(endpoints, said):
    assert sources.named(endpoints) == said


def test_a_stranger_is_who_has_another_name_or_another_process():
    mine, namesake, other = endpoint('/a'), endpoint('/a', 2), endpoint('/b')
    found = sources.strangers([namesake, mine, other], '/a', mine.participant, own=1)
    assert found == [namesake, other]


def test_a_node_of_our_name_in_our_process_is_a_stranger():
    mine, namesake = endpoint('/a'), endpoint('/a', 1, 2)
    assert sources.strangers([mine, namesake], '/a', mine.participant, own=1) == [namesake]
    assert sources.strangers([mine, namesake], '/a', mine.participant, own=2) == []


def test_without_identities_names_and_numbers_count():
    one = Endpoint(node='/a')
    assert sources.strangers([one], '/a', b'', own=1) == []
    assert sources.strangers([one, one], '/a', b'', own=1) == [one]


def test_the_words_of_a_second_source_name_the_nodes_and_say_what_to_do():
    assert sources.second_source('/camera', [endpoint('/a')]) == ''
    said = sources.second_source('/camera', [endpoint('/a'), endpoint('/b', 2)])
    assert said.startswith('/camera has /a, /b (2 publishers); stop all but one')
    assert '20 s' in said


ARM, HAND = frozenset('abc'), frozenset('h')


@pytest.mark.parametrize(
    ('publishers', 'named_joints', 'second'),
    [
        (1, [ARM], False),
        (1, [ARM, HAND, ARM | HAND], False),
        (2, [ARM, HAND], False),
        (2, [HAND, ARM, HAND, ARM], False),
        (2, [ARM], True),
        (2, [ARM | HAND, ARM], True),
        (2, [ARM, HAND, ARM | HAND], True),
        (3, [ARM, HAND], True),
        (2, [frozenset(), ARM], True),
        (2, [], True),
    ],
)
def test_arm_and_gripper_may_have_publishers_of_their_own(publishers, named_joints, second):
    endpoints = [endpoint(f'/p{number}', number) for number in range(publishers)]
    said = sources.second_joint_source('/joint_states', endpoints, named_joints)
    assert bool(said) is second
    assert not second or '/p0, /p1' in said


def test_an_action_has_one_server():
    assert sources.second_server('/execute', [endpoint('/a')]) == ''
    said = sources.second_server('/execute', [endpoint('/a'), endpoint('/a', 2)])
    assert said.startswith('the action /execute has /a (2 servers in 2 processes)')


def test_the_words_of_a_second_commander():
    assert sources.second_commander('/command', []) == ''
    said = sources.second_commander('/command', [endpoint('/b')], 'clients')
    assert said.startswith('others command the arm on /command: /b; stop them')


def test_a_second_system_is_known_by_names_that_are_there_twice():
    nodes = ['/planner', '/rviz', '/rviz', '/action_publisher']
    assert sources.second_system(nodes, ['/planner', '/action_publisher']) == ''
    said = sources.second_system([*nodes, '/planner'], ['/planner', '/action_publisher'])
    assert 'more than one node is called /planner' in said
    assert 'ROS_DOMAIN_ID' in said


def test_two_nodes_of_one_process_are_told_apart_by_their_names(graph):
    ours, other = graph.node('arm'), graph.node('ghost')
    mine = ours.create_publisher(JointState, 'joints', 1)
    assert sources.others(ours, 'joints') == []
    other.create_publisher(JointState, 'joints', 1)
    graph.spin_until(lambda: len(sources.publishers_of(ours, 'joints')) == 2)
    (found,) = sources.others(ours, 'joints')
    assert found.node == '/ghost'
    assert found.participant == sources.participant(ours)
    assert found.kind == 'sensor_msgs/msg/JointState'
    assert len(sources.others(other, 'joints')) == 1
    ours.destroy_publisher(mine)
    assert len(sources.others(ours, 'joints')) == 1
    topics = dict(ours.get_topic_names_and_types())
    assert not [name for name in topics if 'identity' in name]


def test_only_publishers_of_the_type_that_is_heard_count(graph):
    node = graph.node('eye')
    node.create_publisher(Image, 'camera', 1)
    # DDS lets no process have a topic in two types
    elsewhere = Graph(graph.domain)
    try:
        elsewhere.node('other').create_publisher(CompressedImage, 'camera', 1)
        graph.spin_until(lambda: len(sources.publishers_of(node, 'camera')) == 2)
        (raw,) = sources.publishers_of(node, 'camera', 'sensor_msgs/msg/Image')
        assert raw.kind == 'sensor_msgs/msg/Image'
    finally:
        elsewhere.close()


def test_a_node_of_our_name_in_another_process_is_a_stranger(graph):
    node = graph.node('arm')
    node.create_publisher(JointState, 'joints', 1)
    client = ActionClient(node, FollowJointTrajectory, 'controller/follow')
    server = ActionServer(node, FollowJointTrajectory, 'controller/follow', lambda handle: None)
    process = subprocess.Popen(
        [sys.executable, '-c', OTHER, str(graph.domain)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline()
        graph.spin_until(lambda: sources.others(node, 'joints'), 30.0)
        graph.spin_until(lambda: sources.other_action_clients(node, '/controller/follow'), 30.0)
        (found,) = sources.others(node, 'joints')
        graph.spin_until(lambda: sources.others(node, 'joints')[0].node == '/arm', 30.0)
        assert found.participant != sources.participant(node)
        both = sources.publishers_of(node, 'joints')
        assert sources.named(both) == '/arm (2 publishers in 2 processes)'
        assert len(sources.action_clients_of(node, '/controller/follow')) == 2
        assert len(sources.action_servers_of(node, '/controller/follow')) == 1
        graph.spin_until(lambda: sources.doubles(sources.all_nodes(node)) == ['/arm'], 30.0)
    finally:
        process.kill()
        process.wait()
        client.destroy()
        server.destroy()


def test_who_is_not_a_ros_node_is_named_as_unknown(graph):
    class Info:
        node_name, node_namespace = '_NODE_NAME_UNKNOWN_', '_NODE_NAMESPACE_UNKNOWN_'
        topic_type, endpoint_gid = 'x', [1] * 16
        qos_profile = rclpy.qos.QoSProfile(depth=1)

    assert 'not known' in sources.endpoint(Info).node
    assert not sources.endpoint(Info).known
    assert endpoint('/a').known
