"""What drivers say about the arm arrives as our own types: modes, and poses of the flange."""

import math

import numpy as np
import pytest
from franka_msgs.msg import FrankaRobotState
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tf2_msgs.msg import TFMessage

from jepa_wm_ros.nodes import message_classes
from jepa_wm_ros.nodes.encoder import EncoderConfig
from jepa_wm_ros.nodes.message_classes import MessageClassError, driver_interface
from jepa_wm_ros.nodes.state_sources.flange_pose import PoseTopicSource, TfSource
from jepa_wm_ros.nodes.state_sources.robot_mode import FrankaModeSource
from jepa_wm_ros.robot.poses import distance, from_euler
from jepa_wm_ros.robot.robot_mode import Readiness
from jepa_wm_ros.robot.tool import FRANKA_HAND
from jepa_wm_ros.ros.conversions import encode_pose, encode_stamp

FLANGE = from_euler((0.4, 0.1, 0.5), (math.pi, 0.0, 0.3))


def publish_until(graph, publisher, message, condition):
    def heard():
        publisher.publish(message)
        return condition()

    graph.spin_until(heard)


def test_a_best_effort_pose_of_the_hand_says_where_the_flange_is(graph):
    node, seen = graph.node(), []
    PoseTopicSource(node, 'current_pose', FRANKA_HAND, lambda *what: seen.append(what))
    convenience = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(PoseStamped, 'current_pose', convenience)
    message = PoseStamped(pose=encode_pose(FRANKA_HAND.of_flange(FLANGE)))
    message.header.stamp = encode_stamp(12.5)
    publish_until(graph, publisher, message, lambda: seen)
    stamp_s, pose = seen[0]
    assert stamp_s == 12.5
    assert distance(pose, FLANGE) == pytest.approx((0.0, 0.0), abs=1e-9)


def transform(parent, child, pose, stamp_s=0.0):
    message, placed = TransformStamped(child_frame_id=child), encode_pose(pose)
    message.header.frame_id, message.header.stamp = parent, encode_stamp(stamp_s)
    message.transform.rotation = placed.orientation
    for axis in 'xyz':
        setattr(message.transform.translation, axis, getattr(placed.position, axis))
    return message


def test_tf_leads_from_the_base_to_the_flange(graph):
    node, seen = graph.node(), []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    static = node.create_publisher(TFMessage, '/tf_static', latched)
    hook = from_euler((0.0, 0.0, 0.1), (0.0, 0.0, 0.0))
    static.publish(TFMessage(transforms=[transform('wrist', 'link8', hook)]))
    TfSource(node, 'link0', 'link8', lambda *what: seen.append(what))
    moving = node.create_publisher(TFMessage, '/tf', 10)
    message = TFMessage(transforms=[transform('link0', 'wrist', FLANGE, 7.0)])
    publish_until(graph, moving, message, lambda: seen)
    stamp_s, pose = seen[0]
    assert stamp_s == 7.0
    assert distance(pose, FLANGE.compose(hook)) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_other_frames_on_tf_say_nothing_about_the_flange(graph):
    node, seen = graph.node(), []
    source = TfSource(node, 'link0', 'link8', lambda *what: seen.append(what))
    source._on_moving(TFMessage(transforms=[transform('world', 'camera', FLANGE, 1.0)]))
    assert seen == []


@pytest.mark.parametrize(
    ('fields', 'readiness'),
    [
        ({'robot_mode': 2}, Readiness.READY),
        ({'robot_mode': 5}, Readiness.USER_STOP),
        ({'robot_mode': 4}, Readiness.REFLEX),
    ],
)
def test_the_mode_of_a_franka_is_heard(graph, fields, readiness):
    node, modes = graph.node(), []
    FrankaModeSource(node, 'robot_state', modes.append)
    publisher = node.create_publisher(FrankaRobotState, 'robot_state', 10)
    publish_until(graph, publisher, FrankaRobotState(**fields), lambda: modes)
    assert modes[0].readiness is readiness


def test_errors_and_collisions_of_a_franka_are_heard(graph):
    source = FrankaModeSource(graph.node(), 'robot_state', print)
    state = FrankaRobotState(robot_mode=2)
    state.current_errors.power_limit_violation = True
    assert 'power_limit_violation' in source._mode(state).reason
    state = FrankaRobotState(robot_mode=2)
    state.collision_indicators.is_joint_collision = np.eye(7)[2]
    assert source._mode(state).readiness is Readiness.REFLEX


def test_a_message_that_is_not_installed_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setenv('ROS_DISTRO', 'humble')
    with pytest.raises(MessageClassError, match='ros-humble-imaginary-msgs'):
        driver_interface('imaginary_msgs/action/Move')
    with pytest.raises(MessageClassError, match='ros-humble-control-msgs'):
        driver_interface('control_msgs/action/NotYetInvented')
    monkeypatch.delenv('ROS_DISTRO')
    with pytest.raises(MessageClassError, match='make setup'):
        message_classes.driver_interface('imaginary_msgs/action/Move')


def test_the_encoder_can_take_its_pose_from_all_of_them():
    for source in ('joint_states', 'ee_pose', 'tf'):
        assert EncoderConfig(pose_source=source).pose_source == source
