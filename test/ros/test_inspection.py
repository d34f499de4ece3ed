"""The doctor's look at a real graph: who speaks, who listens, and what is said."""

import threading

import pytest
from control_msgs.action import FollowJointTrajectory
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionClient, ActionServer
from sensor_msgs.msg import CompressedImage, Image, JointState
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.inspection import inspect_graph

TOPICS = {
    'image': 'camera',
    'joint_states': 'joint_states',
    'command': 'joint_trajectory',
    'driver_pose': 'current_pose',
}


@pytest.fixture
def look(graph):
    """Inspect the graph while its executor spins."""

    def inspect(**named):
        found = []
        looking = threading.Thread(
            target=lambda: found.append(
                inspect_graph(TOPICS, actions=['follow'], domain_id=graph.domain, **named)
            )
        )
        looking.start()
        while looking.is_alive():
            graph.executor.spin_once(timeout_sec=0.02)
        return found[0]

    return inspect


def test_a_graph_is_seen_as_it_is(graph, look):
    node = graph.node('robot')
    pictures = node.create_publisher(Image, '/left/camera', qos.latest())
    joints = node.create_publisher(JointState, '/left/joint_states', qos.events())
    node.create_subscription(
        JointTrajectory, '/left/joint_trajectory', lambda _: None, qos.latched()
    )

    poses = node.create_publisher(PoseStamped, '/left/current_pose', qos.events())
    server = ActionServer(node, FollowJointTrajectory, '/left/follow', lambda handle: None)
    clients = [ActionClient(node, FollowJointTrajectory, '/left/follow') for _ in range(2)]

    def speak():
        now = node.get_clock().now().to_msg()
        picture = Image(width=64, height=48, encoding='rgb8')
        picture.header.stamp, picture.header.frame_id = now, 'eye'
        pictures.publish(picture)
        state = JointState(name=['a', 'b'], position=[1.0, 2.0])
        state.header.stamp = now
        joints.publish(state)
        pose = PoseStamped()
        pose.pose.position.x = 0.3
        poses.publish(pose)

    node.create_timer(0.02, speak)
    facts = look(namespace='left', seconds=3.0, patience_s=30.0)
    (camera,) = facts.publishers['/left/camera']
    assert (camera.node, camera.kind) == ('/robot', 'sensor_msgs/msg/Image')
    assert camera.reliable
    (arm,) = facts.subscribers['/left/joint_trajectory']
    assert arm.latched
    assert facts.publishers['/left/joint_trajectory'] == []
    assert facts.pictures.size == (64, 48)
    assert facts.pictures.encodings == {'rgb8'}
    assert facts.pictures.frames == {'eye'}
    assert facts.joints.positions == {'a': 1.0, 'b': 2.0}
    assert len(facts.joints.stamps) == len(facts.joints.ages) > 3
    sample = facts.joints.samples[-1]
    assert sample.positions == {'a': 1.0, 'b': 2.0}
    assert sample.stamp_s == facts.joints.stamps[-1]
    assert facts.pictures.seen[-1][0].frame == 'eye'
    assert facts.driver_pose.position[0] == pytest.approx(0.3)
    assert [one.node for one in facts.clients['/left/follow']] == ['/robot', '/robot']
    assert [one.node for one in facts.servers['/left/follow']] == ['/robot']
    assert sorted(facts.nodes) == ['/left/jepa_wm_doctor', '/robot']
    assert facts.controllers is None
    assert facts.domain_id == graph.domain
    for entity in (server, *clients):
        entity.destroy()


def test_an_empty_graph_has_nothing(look):
    facts = look(seconds=0.1, patience_s=0.1)
    assert facts.publishers == {f'/{topic}': [] for topic in TOPICS.values()}
    assert facts.pictures.stamps == facts.joints.stamps == []


def test_compressed_pictures_are_heard_in_their_own_type(graph, look):
    node = graph.node('eye')
    publisher = node.create_publisher(CompressedImage, '/camera', qos.latest())
    node.create_timer(0.02, lambda: publisher.publish(CompressedImage(format='jpeg')))
    # nobody else is there, so that all of the patience is used up
    facts = look(seconds=3.0, patience_s=3.0)
    assert facts.pictures.encodings == {'jpeg'}
    assert facts.pictures.size is None
