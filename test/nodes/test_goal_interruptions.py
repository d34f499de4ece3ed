"""Goals that are cancelled, replaced, paused, or cut off."""

from action_msgs.msg import GoalStatus
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.srv import SetGoal
from policy_rig import GOAL, picture_of
from rclpy.lifecycle import TransitionCallbackReturn
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.nodes.goals import GoalCode
from jepa_wm_ros.ros.images import encode_image

Code = ReachGoal.Result


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


def test_a_newer_goal_takes_over_when_the_arm_holds(rig):
    rig.cell.motion_s, rig.cell.braking_s = 30.0, 0.3
    old = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    new = rig.send((0.35, 0.1, 0.4))
    result, status = rig.result(old)
    assert (result.code, status) == (Code.PREEMPTED, GoalStatus.STATUS_ABORTED)
    rig.cell.motion_s = 0.02
    rig.graph.spin_until(lambda: len(rig.cell.plans) > 1)
    assert not rig.cell.overlapped
    new.cancel_goal_async()
    assert rig.result(new)[0].code == Code.CANCELED


def test_three_goals_at_once_leave_only_the_last(rig):
    handles = [rig.send(goal) for goal in (GOAL, (0.35, 0.1, 0.4), (0.5, 0.05, 0.4))]
    codes = [rig.result(handle)[0].code for handle in handles]
    assert codes == [Code.PREEMPTED, Code.PREEMPTED, Code.REACHED]
    assert rig.distance((0.5, 0.05, 0.4)) < 0.02


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


def test_a_pause_keeps_the_warm_start(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    policy = rig.planner._tools.mind._policy
    warm = policy._warm
    assert warm is not None
    rig.call(SetBool, 'pause', SetBool.Request(data=True))
    rig.graph.spin_until(lambda: not rig.cell.moving)
    assert policy._warm is warm
    rig.cell.motion_s = 0.02
    rig.call(SetBool, 'pause', SetBool.Request(data=False))
    rig.graph.spin_until(lambda: len(rig.cell.plans) > 1)
    assert not rig.cell.plans[1].restarted
    assert rig.result(handle)[0].code == Code.REACHED


def test_a_plan_that_nobody_waits_for_ends_early(rig):
    rig.model.gate.clear()
    rig.model.thinking.clear()
    old = rig.send(GOAL)
    rig.graph.spin_until(rig.model.thinking.is_set)
    policy = rig.planner._tools.mind._policy
    rig.graph.result_of(old.cancel_goal_async())
    assert rig.result(old)[0].code == Code.CANCELED
    assert policy._interrupted.is_set()
    rig.model.gate.set()
    assert rig.go(GOAL)[0].code == Code.REACHED
    assert not policy._interrupted.is_set()


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


def test_the_first_reason_to_end_is_the_one_that_is_told(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.planner._run.stop(GoalCode.CANCELED, 'the first reason')
    rig.planner._run.stop(GoalCode.SHUTDOWN, 'the second reason')
    result, _ = rig.result(handle)
    assert (result.code, result.message) == (Code.CANCELED, 'the first reason')


def test_clean_up_waits_until_the_result_has_been_sent(rig):
    rig.cell.motion_s, rig.cell.braking_s = 30.0, 0.3
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    rig.planner.trigger_deactivate()
    assert rig.planner.trigger_cleanup() == TransitionCallbackReturn.FAILURE
    assert rig.result(handle)[0].code == Code.SHUTDOWN
    assert rig.planner.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
