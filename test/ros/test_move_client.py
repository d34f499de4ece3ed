"""Moves from outside through a stand-in of encoder and action publisher."""

import threading

import numpy as np
import pytest
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import Latent as LatentMessage
from rclpy.action import ActionServer
from torch import ones

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.client import GraphError
from jepa_wm_ros.ros.conversions import encode_stamp, now_s
from jepa_wm_ros.ros.move_client import MoveClient
from jepa_wm_ros.ros.tensors import encode_latent
from jepa_wm_ros.worldmodel.latent import Latent


class StandIn:
    """An arm that is wherever it was told to go, and an encoder that says so."""

    def __init__(self, graph):
        self.node = graph.node('stand_in')
        self.plans, self.position = [], np.array([0.4, 0.0, 0.4])
        self.code, self.words = ExecuteActions.Result.SUCCEEDED, ''
        self._latents = self.node.create_publisher(LatentMessage, 'latent', qos.latest())
        self.node.create_timer(0.05, self.see)
        ActionServer(self.node, ExecuteActions, 'execute', self.execute)

    def see(self):
        message = encode_latent(Latent(tokens=ones(1, 1, 3)))
        message.header.stamp = encode_stamp(now_s(self.node))
        message.header.frame_id, message.bundle = 'eye', 'abc'
        place = message.ee_pose.position
        place.x, place.y, place.z = self.position.tolist()
        message.ee_pose.orientation.w = 1.0
        self._latents.publish(message)

    def execute(self, goal):
        plan = goal.request.plan
        self.plans.append(plan)
        self.position = self.position + np.array(plan.actions[:3])
        goal.succeed() if self.code == ExecuteActions.Result.SUCCEEDED else goal.abort()
        done = encode_stamp(now_s(self.node))
        return ExecuteActions.Result(code=self.code, message=self.words, completed=done)


@pytest.fixture
def arm(graph):
    return StandIn(graph)


@pytest.fixture
def client(graph, arm, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            graph.executor.spin_once(timeout_sec=0.02)

    spinning = threading.Thread(target=spin)
    spinning.start()
    with MoveClient() as client:
        yield client
    stop.set()
    spinning.join()


def test_a_move_goes_where_it_was_told_and_looks_afterwards(client, arm):
    start = client.look()
    assert (start.camera, start.bundle) == ('eye', 'abc')
    target = start.pose.position + np.array([0.03, 0.0, -0.04])
    there = client.move(start, target, speed_m_s=0.05)
    assert np.allclose(there.pose.position, target)
    (plan,) = arm.plans
    assert plan.step_duration_s == pytest.approx(1.0)
    # not planned by a model: no calibration may turn it
    assert plan.bundle == ''
    assert np.allclose(plan.actions, [0.03, 0.0, -0.04, 0.0, 0.0, 0.0, 0.0])


def test_a_refused_move_is_told_in_the_words_of_the_arm(client, arm):
    arm.code, arm.words = ExecuteActions.Result.NOT_ARMED, 'the arm is not armed'
    start = client.look()
    with pytest.raises(GraphError, match='the arm is not armed'):
        client.move(start, start.pose.position + np.array([0.01, 0.0, 0.0]), speed_m_s=0.05)


def test_a_silent_encoder_is_an_error(client):
    with pytest.raises(GraphError, match='is the encoder active'):
        client.look(after_s=1e12, timeout_s=0.3)
