import threading
from functools import partial

import numpy as np
import pytest
import torch
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import Latent, ObservationHealth
from policy_rig import OneModel, PointModel, picture_of
from rclpy.parameter import Parameter
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image, JointState

from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.robot.description import ARM_JOINTS, READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, encode_pose, encode_stamp, now_s
from jepa_wm_ros.ros.diagnostics import Level
from jepa_wm_ros.ros.images import byte_array, encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.tensors import decode_latent
from jepa_wm_ros.ros.worker import Worker


class Rig:
    """An encoder, and a camera and an arm that speak when told."""

    def __init__(self, graph, **overrides):
        self.graph = graph
        self.model = PointModel()
        self.encoder = graph.add(
            EncoderNode(
                Worker(graph.executor),
                OneModel(self.model),
                context=graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in overrides.items()],
            )
        )
        assert autostart(self.encoder)
        self.observed, self.health = [], []
        self.encoder.listeners.append(self.observed.append)
        node = self.node = graph.node('robot')
        compressed = overrides.get('image_transport') == 'compressed'
        kind = CompressedImage if compressed else Image
        topic = 'image/compressed' if compressed else 'image'
        self.camera = node.create_publisher(kind, topic, qos.latest())
        self.joints = node.create_publisher(JointState, 'joint_states', qos.events())
        self.poses = node.create_publisher(PoseStamped, 'ee_pose', qos.events())
        node.create_subscription(ObservationHealth, 'image_health', self.health.append, 10)
        graph.spin_until(self.camera.get_subscription_count)
        graph.spin_until(self.joints.get_subscription_count)
        graph.spin_until(lambda: node.count_publishers('image_health'))
        self.stamp_s = now_s(node)

    def arm(self, positions=READY_POSTURE):
        self.stamp_s += 0.001  # a stamp that does not advance is not believed
        message = JointState(name=[*ARM_JOINTS, 'finger_joint'], position=[*positions, 0.4])
        message.header.stamp = encode_stamp(self.stamp_s)
        buffered = self.encoder._robot._arm.latest
        self.joints.publish(message)
        self.graph.spin_until(lambda: self.encoder._robot._arm.latest is not buffered)

    def look(self, picture):
        """Send a picture, 0.05 s after the last one; waits for its health report."""
        self.stamp_s += 0.05
        message = encode_image(picture, stamp=encode_stamp(self.stamp_s), frame_id='camera')
        return self.send(message)

    def send(self, message):
        known = len(self.health)
        self.camera.publish(message)
        self.graph.spin_until(lambda: len(self.health) > known)
        return self.health[-1]

    def errors(self):
        return self.encoder._error_count


@pytest.fixture
def rig(graph):
    return Rig(graph)


def test_a_picture_becomes_a_latent_with_the_pose_of_its_moment(rig):
    rig.arm()
    health = rig.look(picture_of((0.5, 0.1, 0.3)))
    assert (health.frozen, health.message) == (False, '')
    assert health.header.frame_id == 'camera'
    assert health.skew_s == pytest.approx(0.05, abs=1e-6)
    rig.graph.spin_until(lambda: rig.observed)
    (observation,) = rig.observed
    assert observation.stamp_s == pytest.approx(rig.stamp_s, abs=1e-6)
    tokens = observation.latent.tokens
    assert torch.allclose(tokens, torch.tensor([[[5.0, 1.0, 3.0]]]), atol=0.05)
    expected = Kinematics().forward(READY_POSTURE).position
    np.testing.assert_allclose(observation.pose.position, expected)
    assert observation.gripper == pytest.approx(0.5)


def test_latents_go_on_the_wire_when_somebody_listens(rig):
    latents = []
    rig.node.create_subscription(Latent, 'latent', latents.append, qos.latest())
    rig.graph.spin_until(lambda: rig.encoder._latents.get_subscription_count())
    rig.arm()
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.graph.spin_until(lambda: latents)
    (message,), (observation,) = latents, rig.observed
    assert torch.equal(decode_latent(message).tokens, observation.latent.tokens)
    assert message.bundle == '0123456789ab'
    assert message.header.frame_id == 'camera'
    assert message.encode_time_s > 0
    position = decode_pose(message.ee_pose).position
    np.testing.assert_allclose(position, observation.pose.position)


def test_only_the_newest_waiting_picture_is_encoded(rig):
    rig.arm()
    release, busy = threading.Event(), threading.Event()
    rig.encoder._worker.submit(lambda: busy.set() or release.wait(10.0))
    assert busy.wait(10.0)
    for x in (0.1, 0.2, 0.3, 0.4):
        rig.arm()
        rig.look(picture_of((x, 0.0, 0.0)))
    assert len(rig.encoder._worker._jobs) == 1
    release.set()
    rig.graph.spin_until(lambda: rig.observed)
    assert float(rig.observed[0].latent.tokens[0, 0, 0]) == pytest.approx(4.0, abs=0.05)


def test_an_older_picture_never_comes_after_a_newer_one(rig):
    rig.arm()
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.graph.spin_until(lambda: rig.observed)
    late = Future()
    late.set_result((rig.observed[0].latent, 0.0))
    message = Image()
    message.header.stamp = encode_stamp(rig.stamp_s - 0.05)
    rig.encoder._on_encoded(message, late)
    assert len(rig.observed) == 1


def test_a_frozen_camera_is_reported_and_not_encoded(rig):
    picture = picture_of((0.5, 0.1, 0.3))
    rig.arm()
    rig.look(picture)
    rig.graph.spin_until(lambda: len(rig.observed) == 1)
    rig.arm()
    assert not rig.look(picture).frozen
    rig.graph.spin_until(lambda: len(rig.observed) == 2)
    rig.arm(READY_POSTURE + 0.05)
    assert rig.look(picture).frozen
    rig.arm(READY_POSTURE + 0.06)
    health = rig.look(picture)
    assert health.frozen
    assert 'check the camera driver' in health.message
    assert rig.errors()
    rig.arm(READY_POSTURE + 0.06)
    assert not rig.look(picture_of((0.5, 0.1, 0.31))).frozen
    rig.graph.spin_until(lambda: len(rig.observed) == 3)


def test_a_picture_without_robot_state_is_no_observation(rig):
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.stamp_s += 1.0  # by then, it is no longer a matter of who starts first

    def refused():
        rig.stamp_s += 0.2
        rig.look(picture_of((0.5, 0.1, 0.3)))  # again: a newer picture replaces a waiting one
        return rig.errors()

    rig.graph.spin_until(refused)
    assert 'joint states' in rig.encoder._last_error[0]
    assert rig.observed == []


@pytest.mark.parametrize(
    'damage',
    [
        lambda m: setattr(m, 'encoding', 'bayer_rggb8'),
        lambda m: setattr(m, 'data', m.data[:100]),
        lambda m: setattr(m, 'data', byte_array(np.zeros(32 * 48 * 3, np.uint8))),
    ],
    ids=['encoding', 'truncated', 'black'],
)
def test_a_broken_picture_is_an_error_for_people_and_the_next_one_is_encoded(rig, damage):
    rig.arm()
    rig.stamp_s += 0.02
    message = encode_image(
        picture_of((0.5, 0.1, 0.3)), stamp=encode_stamp(rig.stamp_s), frame_id='camera'
    )
    damage(message)
    rig.send(message)
    rig.graph.spin_until(rig.errors)
    assert rig.encoder.failure is None
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.graph.spin_until(lambda: rig.observed)


def test_compressed_pictures_and_poses_of_the_driver_are_taken(graph):
    import cv2

    rig = Rig(graph, image_transport='compressed', pose_source='ee_pose')
    pose = PoseStamped(pose=encode_pose(Pose(np.array([0.4, -0.1, 0.5]))))
    pose.header.stamp = encode_stamp(rig.stamp_s)
    rig.poses.publish(pose)
    graph.spin_until(lambda: rig.encoder._robot.position is not None)
    _, png = cv2.imencode('.png', picture_of((0.5, 0.1, 0.3))[..., ::-1])
    message = CompressedImage(format='png', data=byte_array(png))
    message.header.stamp = encode_stamp(rig.stamp_s + 0.01)
    rig.send(message)
    graph.spin_until(lambda: rig.observed)
    tokens = rig.observed[0].latent.tokens
    assert torch.allclose(tokens, torch.tensor([[[5.0, 1.0, 3.0]]]), atol=0.05)
    np.testing.assert_allclose(rig.observed[0].pose.position, [0.4, -0.1, 0.5])


def test_a_wrong_pose_message_is_an_error_for_people(graph):
    rig = Rig(graph, pose_source='ee_pose')
    wrong = PoseStamped()
    wrong.pose.orientation.w = 0.0
    rig.poses.publish(wrong)
    graph.spin_until(rig.errors)
    assert 'unit quaternion' in rig.encoder._last_error[0]
    assert rig.encoder.failure is None


def test_a_missing_bundle_keeps_the_node_unconfigured_with_a_reason(graph, capfd):
    from jepa_wm_ros.nodes.models import ModelShelf

    override = Parameter('model', value='/nowhere')
    node = graph.add(
        EncoderNode(
            Worker(graph.executor),
            ModelShelf(),
            context=graph.context,
            parameter_overrides=[override],
        )
    )
    assert not autostart(node)
    assert '/nowhere/model.yaml is missing' in capfd.readouterr().err


def other_camera(rig, frame='other', name='second_camera'):
    """A second publisher on the image topic, which sends one image."""
    node = rig.graph.node(name)
    publisher = node.create_publisher(Image, 'image', qos.latest())
    rig.graph.spin_until(publisher.get_subscription_count)

    def send():
        rig.stamp_s += 0.02
        stamp = encode_stamp(rig.stamp_s)
        known = len(rig.health)
        publisher.publish(encode_image(picture_of((0.1, 0.9, 0.3)), stamp=stamp, frame_id=frame))
        rig.graph.spin_until(lambda: len(rig.health) > known)
        return rig.health[-1]

    return partial(node.destroy_publisher, publisher), send


@pytest.mark.parametrize('frame', ['other', 'camera'], ids=['other frame', 'same frame'])
def test_images_of_two_cameras_are_reported_with_their_nodes_and_not_encoded(rig, frame):
    rig.arm()
    assert not rig.look(picture_of((0.5, 0.1, 0.3))).ambiguous
    rig.graph.spin_until(lambda: rig.observed)
    leave, send = other_camera(rig, frame)
    rig.graph.spin_until(lambda: send().ambiguous)
    health = send()
    assert not health.frozen
    assert '/image has /robot, /second_camera (2 publishers)' in health.message
    assert rig.look(picture_of((0.5, 0.2, 0.3))).ambiguous
    (camera,) = [one for one in rig.encoder.diagnostics() if one.name == 'camera']
    assert camera.level is Level.ERROR
    assert '/second_camera' in camera.message
    assert rig.errors()
    rig.encoder._worker.call(lambda: None)
    observed = len(rig.observed)
    leave()
    rig.graph.spin_until(lambda: rig.node.count_publishers('image') == 1)

    def believed():
        rig.arm()
        rig.look(picture_of((0.5, 0.3, 0.3)))
        return len(rig.observed) > observed

    rig.graph.spin_until(believed)


def test_what_was_being_encoded_when_a_second_camera_came_is_dropped(rig):
    rig.arm()
    release, busy = threading.Event(), threading.Event()
    rig.encoder._worker.submit(lambda: busy.set() or release.wait(10.0))
    assert busy.wait(10.0)
    rig.look(picture_of((0.5, 0.1, 0.3)))
    _, send = other_camera(rig)
    rig.graph.spin_until(lambda: send().ambiguous)
    release.set()
    rig.encoder._worker.call(lambda: None)
    for _ in range(5):
        rig.graph.executor.spin_once(timeout_sec=0.02)
    assert rig.observed == []


def test_one_publisher_that_changes_its_frame_is_another_camera_until_the_next_activation(rig):
    rig.arm()
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.graph.spin_until(lambda: rig.observed)

    def turned():
        rig.stamp_s += 0.05
        picture = picture_of((0.5, 0.2, 0.3 + 0.001 * rig.stamp_s % 0.1))
        return rig.send(encode_image(picture, stamp=encode_stamp(rig.stamp_s), frame_id='wrist'))

    health = turned()
    assert health.ambiguous
    assert "'camera', now one is in 'wrist'" in health.message
    rig.encoder.trigger_deactivate()
    rig.encoder.trigger_activate()
    rig.arm()
    assert not turned().ambiguous
    rig.graph.spin_until(lambda: len(rig.observed) == 2)


def test_images_in_another_frame_than_the_wanted_one_are_not_believed(graph):
    rig = Rig(graph, camera_frame='zed_left')
    rig.arm()
    health = rig.look(picture_of((0.5, 0.1, 0.3)))
    assert health.ambiguous
    assert "camera_frame says 'zed_left'" in health.message


def test_joint_states_that_cannot_be_true_are_told_and_not_used(rig):
    rig.arm()
    message = JointState(name=list(ARM_JOINTS), position=np.degrees(READY_POSTURE).tolist())
    message.header.stamp = encode_stamp(rig.stamp_s + 0.01)
    rig.joints.publish(message)
    rig.graph.spin_until(rig.errors)
    assert 'degrees' in rig.encoder._last_error[0]
    (joints,) = [one for one in rig.encoder.diagnostics() if one.name == 'joint states']
    assert joints.level is Level.ERROR
    assert joints.values == {'left_out': 1}
    rig.look(picture_of((0.5, 0.1, 0.3)))
    rig.graph.spin_until(lambda: rig.observed)
    np.testing.assert_allclose(rig.observed[0].joints, READY_POSTURE)
