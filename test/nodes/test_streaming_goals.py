"""Goals with an arm that moves while the next plan is made."""

import pytest
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from policy_rig import GOAL, OneModel, PointModel
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker

Code = ReachGoal.Result
AWAY = (0.35, 0.12, 0.4)


@pytest.fixture
def stream(make_rig):
    rig = make_rig(execution='streaming')
    rig.cell.streaming = True
    return rig


def test_the_arm_arrives_without_a_stop_on_the_way(stream):
    result, _ = stream.go(GOAL)
    assert result.code == Code.REACHED, result.message
    assert stream.distance() < 0.02
    assert stream.cell.replaced > 0
    assert not stream.cell.moving
    # all of a plan is sent, so that the arm comes to rest by itself when no other one follows
    assert {plan.execute_steps for plan in stream.cell.plans} == {3}


def test_steps_are_counted_by_time(stream):
    result, _ = stream.go((1.2, 0.8, 0.4), max_steps=[2])
    assert result.code == Code.MAX_STEPS
    assert result.steps >= 2
    assert not stream.cell.moving
    assert len(stream.cell.plans) > 2


def test_what_was_seen_on_the_way_is_looked_at_again_at_rest(stream):
    stream.go(GOAL)
    last = stream.planner._tools.eyes.newest
    assert not stream.cell.moving
    assert stream.feedback[-1].cost <= 0.01
    assert last.stamp_s > stream.planner._stream._rested_s


def test_cancel_stops_the_arm(stream):
    handle = stream.send((1.2, 0.8, 0.4))
    stream.graph.spin_until(lambda: stream.cell.replaced > 0)
    stream.graph.result_of(handle.cancel_goal_async())
    assert stream.result(handle)[0].code == Code.CANCELED
    assert stream.cell.cancelled == 1
    assert not stream.cell.moving


def test_a_newer_goal_takes_over_the_moving_arm(stream):
    old = stream.send((1.2, 0.8, 0.4))
    stream.graph.spin_until(lambda: stream.cell.replaced > 0)
    new = stream.send(AWAY)
    assert stream.result(old)[0].code == Code.PREEMPTED
    assert stream.cell.cancelled == 0  # nobody stopped the arm
    assert stream.result(new)[0].code == Code.REACHED
    assert stream.distance(AWAY) < 0.02


def test_pause_stops_the_arm_and_resume_goes_on(stream):
    handle = stream.send(GOAL)
    stream.graph.spin_until(lambda: stream.cell.replaced > 0)
    assert stream.call(SetBool, 'pause', SetBool.Request(data=True)).success
    stream.graph.spin_until(lambda: not stream.cell.moving)
    plans = len(stream.cell.plans)
    seen = stream.planner._tools.eyes.newest.stamp_s
    stream.graph.spin_until(lambda: stream.planner._tools.eyes.newest.stamp_s > seen + 0.3)
    assert len(stream.cell.plans) == plans
    stream.call(SetBool, 'pause', SetBool.Request(data=False))
    assert stream.result(handle)[0].code == Code.REACHED


def test_sub_goals_are_passed_without_a_stop(stream):
    result, _ = stream.go((0.48, 0.0, 0.4), GOAL, reached_costs=[0.2, 0.01])
    assert result.code == Code.REACHED
    assert {feedback.subgoal for feedback in stream.feedback} == {0, 1}
    # the arm rests once, at the end
    assert stream.cell.cancelled <= 1


def test_an_action_publisher_that_blocks_is_told_to_stream(make_rig):
    rig = make_rig(execution='streaming')
    rig.cell.code, rig.cell.message = ExecuteActions.Result.BUSY, 'another plan'
    result, _ = rig.go(GOAL)
    assert result.code == Code.EXECUTION_FAILED
    assert 'execution:=streaming' in result.message


def test_a_fault_on_the_way_ends_the_goal(make_rig):
    rig = make_rig(execution='streaming')
    rig.cell.code, rig.cell.message = ExecuteActions.Result.FAULT, 'JOINT_LIMIT'
    result, _ = rig.go(GOAL)
    assert result.code == Code.FAULT
    assert 'JOINT_LIMIT' in result.message


def test_a_model_that_looks_back_cannot_stream(graph, capfd):
    import dataclasses

    model = PointModel()
    model.contract = dataclasses.replace(model.contract, context=2)
    node = PlannerNode(
        Worker(graph.executor),
        OneModel(model),
        context=graph.context,
        parameter_overrides=[Parameter('execution', value='streaming')],
    )
    assert not autostart(graph.add(node))
    assert 'use blocking' in capfd.readouterr().err
