"""Encoder and planner as they run in the policy process, against a cell that fits in a test."""

import math

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import Plan
from policy_rig import GOAL, START, OneModel, PointModel, picture_of
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker

Code = ReachGoal.Result


@pytest.mark.parametrize('linked', [True, False])
def test_it_arrives_whether_latents_come_by_reference_or_by_topic(make_rig, linked):
    rig = make_rig(linked=linked)
    result, status = rig.go(GOAL)
    assert (result.code, status) == (Code.REACHED, GoalStatus.STATUS_SUCCEEDED)
    assert rig.distance() < 0.02
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
    assert rig.distance() < 0.02
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


def test_planning_parameters_take_the_place_of_the_bundles_own(make_rig):
    rig = make_rig(samples=48, iterations=2)
    plans = rig.listen(Plan, 'plan')
    rig.go(GOAL, max_steps=[1])
    rig.graph.spin_until(lambda: plans)
    assert plans[0].iterations == 2
    assert rig.planner._tools.mind._policy.settings.samples == 48
    assert rig.planner._tools.mind._policy.settings.solver == 'cem'


def test_planning_parameters_that_do_not_go_together_are_refused(graph, capfd):
    model = PointModel(elites=16)
    node = PlannerNode(
        Worker(graph.executor),
        OneModel(model),
        context=graph.context,
        parameter_overrides=[Parameter('samples', value=4)],
    )
    assert not autostart(graph.add(node))
    assert 'solver, samples, iterations, deadline_s: ' in capfd.readouterr().err
