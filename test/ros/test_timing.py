import time

import pytest
from jepa_wm_msgs.msg import Latent, Plan
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_stamp
from jepa_wm_ros.ros.timing import WireTimes


@pytest.fixture
def wire(graph):
    return Wire(graph)


class Wire:
    """A node that publishes what a planner, an encoder and an action publisher would."""

    def __init__(self, graph):
        self.graph = graph
        node = graph.node('sender')
        self.times = WireTimes(graph.node('listener'))
        self.latents = node.create_publisher(Latent, 'latent', qos.latest())
        self.plans = node.create_publisher(Plan, 'plan', qos.latest())
        self.commands = node.create_publisher(JointTrajectory, 'joint_trajectory', qos.latest())
        for publisher in (self.latents, self.plans, self.commands):
            graph.spin_until(lambda p=publisher: p.get_subscription_count() == 1)

    def send(self, publisher, message, age_s=0.0):
        if hasattr(message, 'header') and age_s:
            message.header.stamp = encode_stamp(time.time() - age_s)
        publisher.publish(message)

    def settle(self, condition):
        self.graph.spin_until(condition)


def test_a_latent_is_as_late_as_its_picture_is_old(wire):
    wire.send(wire.latents, Latent(), age_s=0.25)
    wire.settle(lambda: wire.times.camera_to_latent_s)
    assert wire.times.camera_to_latent_s[0] == pytest.approx(0.25, abs=0.05)


def test_only_the_first_command_after_a_plan_counts(wire):
    wire.send(wire.commands, JointTrajectory())
    wire.send(wire.plans, Plan(), age_s=1e-9)
    for _ in range(3):
        wire.send(wire.commands, JointTrajectory())
    wire.settle(lambda: wire.times.plan_to_first_command_s)
    wire.send(wire.latents, Latent(), age_s=0.1)
    wire.settle(lambda: wire.times.camera_to_latent_s)
    (delay,) = wire.times.plan_to_first_command_s
    assert 0.0 < delay < 0.1


def test_a_command_that_overtakes_its_plan_still_counts(wire):
    planned = Plan()
    planned.header.stamp = encode_stamp(time.time() - 0.1)
    wire.send(wire.commands, JointTrajectory())
    wire.settle(lambda: not wire.graph.executor.spin_once(timeout_sec=0.1))
    wire.plans.publish(planned)
    wire.settle(lambda: wire.times.plan_to_first_command_s)
    assert wire.times.plan_to_first_command_s == pytest.approx([0.1], abs=0.05)
