"""The service `home` of the action publisher."""

import numpy as np
import pytest
from fake_arm import FakeArm
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import SafetyStatus
from std_srvs.srv import Trigger

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.poses import apply_action
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_pose

AWAY = READY_POSTURE + np.array([0.1, 0.05, -0.1, -0.1, 0.05, 0.1, 0.2])
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture
def away(arm):
    for part in np.linspace(0.0, 1.0, 11):  # in steps that an arm can go: a jump is not believed
        arm.joints = READY_POSTURE + part * (AWAY - READY_POSTURE)
        told = len(arm.statuses)
        arm.graph.spin_until(lambda told=told: len(arm.statuses) > told)
    arm.services['home'] = arm.node.create_client(Trigger, 'home')
    return arm


def asked(arm):
    client = arm.services['home']
    arm.graph.spin_until(client.service_is_ready)
    return client.call_async(Trigger.Request())


def test_it_answers_when_the_arm_is_at_home(away):
    away.arm()
    answer = away.graph.result_of(asked(away))
    assert answer.success, answer.message
    np.testing.assert_allclose(away.joints, READY_POSTURE, atol=1e-6)
    away.graph.spin_until(lambda: away.status.state == SafetyStatus.ARMED)


def test_a_disarmed_arm_stays_and_says_why(away):
    answer = away.graph.result_of(asked(away))
    assert not answer.success
    assert 'arm service' in answer.message
    assert not away.commands


def test_a_plan_under_way_goes_first(away):
    away.arm()
    away.send(away.plan(FAR, FAR))
    answer = away.graph.result_of(asked(away))
    assert not answer.success
    assert 'cancel the goal first' in answer.message


def test_stop_ends_the_way_home(away):
    away.arm()
    coming = asked(away)
    away.graph.spin_until(lambda: len(away.commands) > 10)
    assert away.call('stop').success
    answer = away.graph.result_of(coming)
    assert not answer.success
    assert 'stopped' in answer.message
    assert not np.any(away.commands[-1].velocities)


def test_the_drivers_pose_is_looked_at_before_the_way_home_too(graph, make_publisher):
    make_publisher(driver_pose_topic='current_pose', max_joint_age_s=0.4)
    arm = FakeArm(graph)
    arm.services['home'] = arm.node.create_client(Trigger, 'home')
    said = arm.node.create_publisher(PoseStamped, 'current_pose', qos.sensor())
    shift = [0.0]

    def say():
        pose = apply_action(arm.pose, [shift[0], 0.0, 0.0, 0.0, 0.0, 0.0])
        message = PoseStamped(pose=encode_pose(pose))
        message.header.frame_id = 'panda_link0'
        said.publish(message)

    speaking = arm.node.create_timer(0.02, say)
    arm.ready()
    graph.spin_until(lambda: arm.call('arm', True).success)
    shift[0] = 0.05
    told = len(arm.statuses)
    graph.spin_until(lambda: len(arm.statuses) > told + 3)
    answer = graph.result_of(asked(arm))
    assert not answer.success
    assert 'current_pose' in answer.message
    assert not arm.commands
    speaking.cancel()
