"""People at the action publisher: a switch, a slider, a confirmation, and names that are wrong."""

import time

import numpy as np
import pytest
from fake_arm import FakeArm
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import SafetyStatus
from rclpy.parameter import Parameter
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Float64
from std_srvs.srv import Trigger

from jepa_wm_ros.ros import qos

Code = ExecuteActions.Result
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]
PATIENT = {'max_joint_age_s': 0.4, 'max_image_age_s': 0.8, 'hold_floor_s': 0.5}


@pytest.fixture
def make_arm(graph, make_publisher):
    def make(**parameters) -> FakeArm:
        publisher = make_publisher(**PATIENT, **parameters)
        arm = FakeArm(graph)
        arm.publisher = publisher
        arm.ready()
        return arm

    return make


def moving(arm) -> bool:
    return bool(arm.commands) and max(map(abs, arm.commands[-1].velocities)) > 0.2


@pytest.mark.parametrize('kind', ['deadman', 'joy'])
def test_released_dead_mans_switch_stops_the_arm(make_arm, kind):
    arm = make_arm(require_deadman=True, max_deadman_age_s=5.0, deadman_button=2)
    message = Bool if kind == 'deadman' else Joy
    switch = arm.node.create_publisher(message, kind, qos.latest())

    def press(down: bool) -> None:
        switch.publish(Bool(data=down) if kind == 'deadman' else Joy(buttons=[0, 0, int(down)]))

    assert 'press it' in arm.call('arm', True).message

    def armed() -> bool:
        press(True)
        return arm.call('arm', True).success

    arm.graph.spin_until(armed)
    arm.send(arm.plan(FAR, FAR, FAR))
    arm.graph.spin_until(lambda: moving(arm))
    press(False)
    arm.graph.spin_until(lambda: arm.status.state == SafetyStatus.FAULT)
    assert arm.status.fault_code == SafetyStatus.ROBOT_MODE
    assert 'press it' in arm.status.message


def test_slider_slows_the_motion_under_way_and_nonsense_is_ignored(make_arm):
    arm = make_arm()
    slider = arm.node.create_publisher(Float64, 'speed_override', qos.latest())
    arm.graph.spin_until(lambda: slider.get_subscription_count() == 1)
    arm.arm()
    handle = arm.send(arm.plan(FAR, FAR))
    arm.graph.spin_until(lambda: moving(arm))
    slider.publish(Float64(data=float('nan')))
    slider.publish(Float64(data=0.0))
    arm.graph.spin_until(lambda: not np.any(np.abs(arm.commands[-1].velocities) > 1e-6))
    assert arm.status.state == SafetyStatus.EXECUTING
    changed = arm.publisher.set_parameters([Parameter('speed_override', value=1.0)])
    assert changed[0].successful, changed[0].reason
    assert arm.result(handle).code == Code.SUCCEEDED


def test_other_parameters_do_not_speed_up_an_arm_that_a_slider_has_stopped(make_arm):
    arm = make_arm()
    slider = arm.node.create_publisher(Float64, 'speed_override', qos.latest())
    arm.graph.spin_until(lambda: slider.get_subscription_count() == 1)
    arm.arm()
    arm.send(arm.plan(FAR, FAR))
    arm.graph.spin_until(lambda: moving(arm))
    slider.publish(Float64(data=0.0))
    arm.graph.spin_until(lambda: not np.any(np.abs(arm.commands[-1].velocities) > 1e-6))
    rest = np.array(arm.commands[-1].positions)
    set_parameters = arm.publisher.set_parameters_atomically
    kept = arm.publisher.config.max_step_m
    assert not set_parameters([Parameter('max_step_m', value=1.0)]).successful
    assert set_parameters([Parameter('max_step_m', value=kept)]).successful
    both = [Parameter('speed_override', value=0.5), Parameter('max_step_m', value=1.0)]
    assert not set_parameters(both).successful
    sent = len(arm.commands)
    arm.graph.spin_until(lambda: len(arm.commands) > sent + 30)
    np.testing.assert_allclose(arm.commands[-1].positions, rest, atol=1e-6)


def test_limits_do_not_change_during_a_motion(make_arm):
    arm = make_arm()
    arm.arm()
    arm.send(arm.plan(FAR, FAR))
    arm.graph.spin_until(lambda: moving(arm))
    changed = arm.publisher.set_parameters([Parameter('max_step_m', value=1.0)])
    assert 'during a motion' in changed[0].reason


def test_plan_waits_for_a_person(make_arm):
    arm = make_arm(confirm_steps=True)
    confirm = arm.node.create_client(Trigger, 'confirm')
    arm.graph.spin_until(confirm.service_is_ready)

    def confirmed():
        return arm.graph.result_of(confirm.call_async(Trigger.Request()))

    assert not confirmed().success
    arm.arm()
    handle = arm.send(arm.plan(FAR))
    seen = len(arm.statuses)
    arm.graph.spin_until(lambda: len(arm.statuses) > seen + 3)
    assert not arm.commands
    assert confirmed().success
    assert arm.result(handle).code == Code.SUCCEEDED
    waiting = arm.send(arm.plan(FAR))
    arm.graph.result_of(waiting.cancel_goal_async())
    assert arm.result(waiting).code == Code.CANCELED
    waiting = arm.send(arm.plan(FAR))
    arm.call('stop')
    assert arm.result(waiting).code == Code.STOPPED


def test_joint_states_of_another_arm_are_named(graph, make_publisher):
    make_publisher(**PATIENT, joint_names=[f'fr3_joint{n}' for n in range(1, 8)])
    arm = FakeArm(graph)
    graph.spin_until(lambda: arm.status is not None)
    answer = arm.call('arm', True)
    graph.spin_until(lambda: 'lacks fr3_joint1' in arm.call('arm', True).message)
    assert not answer.success


def test_cancel_during_a_motion_is_answered_soon(make_arm):
    arm = make_arm()
    arm.arm()
    answers = []
    for _ in range(3):
        handle = arm.send(arm.plan(FAR, FAR, FAR))
        arm.graph.spin_until(lambda: moving(arm))
        began = time.perf_counter()
        arm.graph.result_of(handle.cancel_goal_async())
        answers.append(time.perf_counter() - began)
        assert arm.result(handle).code == Code.CANCELED
    # 50 ms where nothing else runs (`jepa-wm bench jitter`); a test machine is busy
    assert min(answers) < 0.5
