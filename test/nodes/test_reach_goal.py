"""Encoder and planner as they run in the policy process, against a cell that fits in a test."""

import math

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import Plan, SafetyStatus
from jepa_wm_msgs.srv import SetGoal
from policy_rig import FakeCell, OneModel, PointModel, picture_of
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_stamp
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker

START, GOAL = (0.40, 0.0, 0.40), (0.55, -0.12, 0.45)
Code = ReachGoal.Result


class Rig:
    """Encoder, planner and fake cell on one graph, and a user who sends goals."""

    def __init__(self, graph, linked=True, **overrides):
        self.graph = graph
        self.model = PointModel()
        self.cell = FakeCell(graph, START)
        worker, shelf = Worker(graph.executor), OneModel(self.model)
        self.encoder = graph.add(
            EncoderNode(
                worker,
                shelf,
                context=graph.context,
                parameter_overrides=[Parameter('pose_source', value='ee_pose')],
            )
        )
        self.planner = graph.add(
            PlannerNode(
                worker if linked else Worker(graph.executor),
                shelf,
                linked=linked,
                context=graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in overrides.items()],
            )
        )
        if linked:
            self.encoder.listeners.append(self.planner.observe)
        assert autostart(self.encoder)
        assert autostart(self.planner)
        self.user = graph.node('user')
        self.reach = ActionClient(self.user, ReachGoal, 'reach_goal')
        self.feedback = []
        graph.spin_until(self.reach.server_is_ready)
        graph.spin_until(lambda: self.planner._tools.arm._client.server_is_ready())
        graph.spin_until(lambda: self.planner._tools.eyes.newest is not None)

    def send(self, *goals, max_steps=(), images=None):
        """Send a goal; returns its handle."""
        goal = ReachGoal.Goal(name='test', max_steps=list(max_steps))
        goal.images = (
            images
            if images is not None
            else [encode_image(picture_of(position)) for position in goals]
        )
        sending = self.reach.send_goal_async(
            goal, feedback_callback=lambda m: self.feedback.append(m.feedback)
        )
        return self.graph.result_of(sending)

    def result(self, handle, timeout_s=20.0):
        answer = self.graph.result_of(handle.get_result_async(), timeout_s)
        return answer.result, answer.status

    def go(self, *goals, **kwargs):
        return self.result(self.send(*goals, **kwargs))

    def call(self, kind, name, request):
        client = self.user.create_client(kind, name)
        self.graph.spin_until(client.service_is_ready)
        return self.graph.result_of(client.call_async(request))

    def listen(self, kind, topic, profile=10):
        messages = []
        self.user.create_subscription(kind, topic, messages.append, profile)
        self.graph.spin_until(lambda: self.user.count_publishers(topic))
        return messages

    def close(self):
        self.reach.destroy()
        self.cell.close()
        for node in (self.planner, self.encoder):
            node.trigger_deactivate()
            self.graph.spin_until(lambda node=node: not node.busy)
            node.trigger_shutdown()


@pytest.fixture
def make_rig(graph):
    rigs = []

    def make(**kwargs):
        rigs.append(Rig(graph, **kwargs))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.model.gate.set()
        rig.close()


@pytest.fixture
def rig(make_rig):
    return make_rig()


def distance(rig, goal=GOAL):
    return float(np.linalg.norm(rig.cell.position - goal))


@pytest.mark.parametrize('linked', [True, False])
def test_it_arrives_whether_latents_come_by_reference_or_by_topic(make_rig, linked):
    rig = make_rig(linked=linked)
    result, status = rig.go(GOAL)
    assert (result.code, status) == (Code.REACHED, GoalStatus.STATUS_SUCCEEDED)
    assert distance(rig) < 0.02
    assert result.steps == len(rig.cell.plans)
    assert result.final_cost <= 0.01
    assert result.duration_s > 0


def test_feedback_tells_every_step(rig):
    result, _ = rig.go(GOAL)
    steps = [feedback.step for feedback in rig.feedback]
    assert steps == list(range(result.steps + 1))
    costs = [feedback.cost for feedback in rig.feedback]
    assert costs[-1] < costs[0]
    assert rig.feedback[-1].best_cost == min(costs)
    assert math.isnan(rig.feedback[0].plan_time_s)
    assert rig.feedback[1].plan_time_s > 0


def test_every_plan_starts_from_a_picture_taken_after_the_last_motion(rig):
    plans = rig.listen(Plan, 'plan')
    result, _ = rig.go(GOAL)
    rig.graph.spin_until(lambda: len(plans) == result.steps)
    # the fake cell reports its position in each plan's observation: it must be the newest one
    walked = np.array(START)
    for number, plan in enumerate(plans):
        seen = plan.observation_pose.position
        np.testing.assert_allclose([seen.x, seen.y, seen.z], walked, atol=1e-9)
        walked = walked + np.array(plan.actions[:3])
        assert plan.step == number
        assert (plan.horizon, plan.action_dim, plan.execute_steps) == (3, 7, 1)
        assert plan.step_duration_s == 0.4
        assert plan.goal_id


def test_steps_run_out(rig):
    result, status = rig.go(GOAL, max_steps=[1])
    assert (result.code, status) == (Code.MAX_STEPS, GoalStatus.STATUS_ABORTED)
    assert result.steps == 1
    assert 'not reached in 1 steps' in result.message


def test_all_steps_are_used_when_asked(make_rig):
    rig = make_rig(stop_when_reached=False)
    result, _ = rig.go(GOAL, max_steps=[6])
    assert (result.code, result.steps) == (Code.REACHED, 6)


def test_sub_goals_are_visited_in_order_with_their_own_budgets(rig):
    shown = rig.listen(Image, 'goal_image', qos.latched())
    first = (0.45, 0.2, 0.4)
    result, _ = rig.go(first, GOAL, max_steps=[2, 10])
    assert result.code == Code.REACHED
    assert distance(rig) < 0.02
    per_goal = [feedback.subgoal for feedback in rig.feedback]
    assert sorted(per_goal) == per_goal
    assert set(per_goal) == {0, 1}
    # the first one is out of reach in two steps: the second gets its turn all the same
    assert max(f.step for f in rig.feedback if f.subgoal == 0) == 2
    rig.graph.spin_until(lambda: len(shown) == 2)


def test_the_goal_picture_is_latched_for_late_joiners(rig):
    rig.go(GOAL)
    shown = rig.listen(Image, 'goal_image', qos.latched())
    rig.graph.spin_until(lambda: shown)
    np.testing.assert_array_equal(np.frombuffer(shown[0].data, np.uint8), picture_of(GOAL).ravel())


def broken(**changes):
    message = encode_image(picture_of(GOAL))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(
    ('message', 'words'),
    [
        (broken(encoding='yuv422'), "encoding 'yuv422' is not supported"),
        (broken(data=encode_image(picture_of(GOAL)).data[:-10]), 'truncated'),
        (encode_image(np.zeros((32, 48, 3), np.uint8)), 'shows nothing'),
        (encode_image(picture_of(GOAL)[:8, :12]), '12x8 px'),
        (encode_image(picture_of(GOAL)[:, :32]), 'same field of view'),
        (Image(), "encoding '' is not supported"),
    ],
    ids=['encoding', 'truncated', 'black', 'small', 'aspect', 'empty'],
)
def test_a_broken_goal_picture_is_refused_by_action_and_service_and_nothing_moves(
    rig, message, words
):
    good = encode_image(picture_of(GOAL))
    result, status = rig.go(images=[good, message])
    assert (result.code, status) == (Code.BAD_PICTURE, GoalStatus.STATUS_ABORTED)
    assert 'goal picture 2' in result.message
    assert words in result.message
    answer = rig.call(SetGoal, 'set_goal', SetGoal.Request(images=[message]))
    assert not answer.accepted
    assert answer.error_code == SetGoal.Response.BAD_PICTURE
    assert words in answer.message
    assert rig.cell.plans == []
    assert not rig.planner.busy


def test_requests_that_make_no_sense_are_refused_with_a_code(rig):
    answer = rig.call(SetGoal, 'set_goal', SetGoal.Request())
    assert answer.error_code == SetGoal.Response.NO_IMAGE
    request = SetGoal.Request(images=[encode_image(picture_of(GOAL))], max_steps=[1, 2])
    assert rig.call(SetGoal, 'set_goal', request).error_code == SetGoal.Response.BAD_BUDGET
    request.max_steps = [0]
    assert rig.call(SetGoal, 'set_goal', request).error_code == SetGoal.Response.BAD_BUDGET


def test_the_service_starts_a_goal_and_returns_at_once(rig):
    request = SetGoal.Request(images=[encode_image(picture_of(GOAL))])
    answer = rig.call(SetGoal, 'set_goal', request)
    assert answer.accepted
    assert rig.planner.busy
    rig.graph.spin_until(lambda: not rig.planner.busy)
    assert distance(rig) < 0.02
    assert {plan.goal_id for plan in rig.cell.plans} == {answer.goal_id}


def test_a_captured_picture_is_a_goal(rig):
    rig.cell.position[:] = GOAL
    seen = rig.planner._tools.eyes.newest.stamp_s
    rig.graph.spin_until(lambda: rig.planner._tools.eyes.newest.stamp_s > seen + 0.05)
    assert rig.call(Trigger, 'capture_goal', Trigger.Request()).success
    rig.cell.position[:] = START
    result, _ = rig.go()
    assert result.code == Code.REACHED
    assert distance(rig) < 0.02


@pytest.mark.parametrize(
    ('state', 'code', 'words'),
    [
        (SafetyStatus.DISARMED, Code.NOT_ARMED, 'call the service arm'),
        (SafetyStatus.FAULT, Code.FAULT, 'reset_fault, then arm'),
    ],
)
def test_an_arm_that_is_not_armed_is_said_before_anything_is_planned(rig, state, code, words):
    rig.cell.status(state, 'because')
    rig.graph.spin_until(lambda: rig.planner._safety is not None)
    result, _ = rig.go(GOAL)
    assert result.code == code
    assert words in result.message
    assert rig.cell.plans == []


def test_cancel_during_a_motion_stops_the_motion(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.graph.result_of(handle.cancel_goal_async())
    result, status = rig.result(handle)
    assert (result.code, status) == (Code.CANCELED, GoalStatus.STATUS_CANCELED)
    assert rig.cell.cancelled == 1
    assert not rig.cell.moving


def test_cancel_during_planning_does_not_wait_for_the_plan(rig):
    rig.model.gate.clear()
    rig.model.thinking.clear()
    handle = rig.send(GOAL)
    rig.graph.spin_until(rig.model.thinking.is_set)
    rig.graph.result_of(handle.cancel_goal_async())
    result, status = rig.result(handle, timeout_s=2.0)
    assert (result.code, status) == (Code.CANCELED, GoalStatus.STATUS_CANCELED)
    assert rig.cell.plans == []
    rig.model.gate.set()
    assert rig.go(GOAL)[0].code == Code.REACHED


def test_a_newer_goal_takes_over(rig):
    rig.cell.motion_s = 30.0
    old = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    new = rig.send((0.35, 0.1, 0.4))
    result, status = rig.result(old)
    assert (result.code, status) == (Code.PREEMPTED, GoalStatus.STATUS_ABORTED)
    rig.cell.motion_s = 0.02
    rig.graph.spin_until(lambda: len(rig.cell.plans) > 1)
    new.cancel_goal_async()
    assert rig.result(new)[0].code == Code.CANCELED


def test_three_goals_at_once_leave_only_the_last(rig):
    handles = [rig.send(goal) for goal in (GOAL, (0.35, 0.1, 0.4), (0.5, 0.05, 0.4))]
    codes = [rig.result(handle)[0].code for handle in handles]
    assert codes == [Code.PREEMPTED, Code.PREEMPTED, Code.REACHED]
    assert distance(rig, (0.5, 0.05, 0.4)) < 0.02


def test_a_busy_planner_refuses_when_told_so(make_rig):
    rig = make_rig(on_new_goal='reject')
    rig.cell.motion_s = 30.0
    first = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    assert not rig.send(GOAL).accepted
    request = SetGoal.Request(images=[encode_image(picture_of(GOAL))])
    assert rig.call(SetGoal, 'set_goal', request).error_code == SetGoal.Response.BUSY
    first.cancel_goal_async()
    assert rig.result(first)[0].code == Code.CANCELED


def test_pause_halts_the_motion_and_resume_goes_on(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    assert rig.call(SetBool, 'pause', SetBool.Request(data=True)).success
    rig.graph.spin_until(lambda: not rig.cell.moving)
    plans = len(rig.cell.plans)
    seen = rig.planner._tools.eyes.newest.stamp_s
    rig.graph.spin_until(lambda: rig.planner._tools.eyes.newest.stamp_s > seen + 0.3)
    assert len(rig.cell.plans) == plans
    rig.cell.motion_s = 0.02
    assert rig.call(SetBool, 'pause', SetBool.Request(data=False)).success
    assert rig.result(handle)[0].code == Code.REACHED


def test_a_paused_goal_can_be_cancelled(rig):
    rig.call(SetBool, 'pause', SetBool.Request(data=True))
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.planner.busy)
    rig.graph.result_of(handle.cancel_goal_async())
    assert rig.result(handle)[0].code == Code.CANCELED
    assert rig.cell.plans == []


def test_clear_goal_cancels(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    assert rig.call(Trigger, 'clear_goal', Trigger.Request()).success
    result, _ = rig.result(handle)
    assert result.code == Code.CANCELED
    assert not rig.cell.moving


def test_no_observation_ends_the_goal(make_rig):
    rig = make_rig(observation_timeout_s=0.3)
    rig.cell.motion_s = 0.3
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.cell.camera_on = False
    result, _ = rig.result(handle)
    assert result.code == Code.NO_OBSERVATION
    assert 'image' in result.message
    request = SetGoal.Request(images=[encode_image(picture_of(GOAL))])
    answer = rig.call(SetGoal, 'set_goal', request)
    assert answer.error_code == SetGoal.Response.NO_OBSERVATION


def test_a_plan_that_is_not_finite_is_never_sent(rig):
    rig.model.poison = True
    result, status = rig.go(GOAL)
    assert (result.code, status) == (Code.PLANNING_FAILED, GoalStatus.STATUS_ABORTED)
    assert rig.cell.plans == []


def test_a_model_that_crashes_ends_the_goal_and_the_planner_lives_on(rig):
    rig.model.crash = True
    result, _ = rig.go(GOAL)
    assert result.code == Code.PLANNING_FAILED
    assert 'out of memory' in result.message
    rig.model.crash = False
    assert rig.go(GOAL)[0].code == Code.REACHED


@pytest.mark.parametrize(
    ('refusal', 'code'),
    [
        (ExecuteActions.Result.NOT_ARMED, Code.NOT_ARMED),
        (ExecuteActions.Result.FAULT, Code.FAULT),
        (ExecuteActions.Result.UNREACHABLE, Code.EXECUTION_FAILED),
        (ExecuteActions.Result.IMAGE_FROZEN, Code.NO_OBSERVATION),
    ],
)
def test_what_the_arm_refuses_is_passed_on_with_its_words(rig, refusal, code):
    rig.cell.code, rig.cell.message = refusal, 'words of the arm'
    result, _ = rig.go(GOAL)
    assert result.code == code
    assert 'words of the arm' in result.message
    assert len(rig.cell.plans) == 1


def test_a_plan_that_came_too_late_is_made_again_a_few_times(rig):
    rig.cell.code = ExecuteActions.Result.PLAN_TOO_OLD
    result, _ = rig.go(GOAL)
    assert result.code == Code.EXECUTION_FAILED
    assert len(rig.cell.plans) == 3


def test_a_rejected_plan_ends_the_goal(rig):
    rig.cell.rejects = True
    result, _ = rig.go(GOAL)
    assert result.code == Code.EXECUTION_FAILED
    assert 'rejected' in result.message


def test_an_action_publisher_that_dies_during_a_motion_ends_the_goal(rig):
    rig.cell.motion_s = 60.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.cell.die()
    result, _ = rig.result(handle)
    assert result.code == Code.EXECUTION_FAILED
    assert 'disappeared' in result.message


def test_deactivation_during_a_motion_cancels_it_and_gives_the_result(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.planner.trigger_deactivate()
    result, _ = rig.result(handle)
    assert result.code == Code.SHUTDOWN
    assert not rig.cell.moving
    assert not rig.send(GOAL).accepted
    rig.planner.trigger_activate()
    rig.cell.motion_s = 0.02
    assert rig.go(GOAL)[0].code == Code.REACHED


def test_latents_of_another_model_are_not_used(make_rig):
    rig = make_rig(linked=False)
    seen = rig.planner._tools.eyes.newest
    stranger = rig.user.create_publisher(LatentMessage, 'latent', qos.latest())
    rig.graph.spin_until(stranger.get_subscription_count)
    message = LatentMessage(bundle='somebody else')
    message.header.stamp = encode_stamp(seen.stamp_s + 1000.0)
    stranger.publish(message)
    rig.graph.spin_until(lambda: rig.planner._error_count)
    assert rig.planner._tools.eyes.newest.stamp_s < seen.stamp_s + 100.0
