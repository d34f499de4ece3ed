"""Plans as messages."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from jepa_wm_msgs.msg import Plan as PlanMessage

from jepa_wm_ros.ros.conversions import encode_pose

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from jepa_wm_ros.planning.plan import Plan
    from jepa_wm_ros.robot.poses import Pose


def encode_plan(
    plan: Plan, *, observation_stamp: Time, observation_pose: Pose, step_duration_s: float
) -> PlanMessage:
    """Write a plan; header, goal and step number are the caller's.

    Args:
        plan: The plan.
        observation_stamp: When the picture was taken that it starts from.
        observation_pose: Flange in the base frame at that time.
        step_duration_s: How long one action takes [s].
    """
    message = PlanMessage()
    message.observation_stamp = observation_stamp
    message.observation_pose = encode_pose(observation_pose)
    message.step_duration_s = step_duration_s
    message.horizon, message.action_dim = plan.actions.shape
    message.execute_steps = plan.execute_steps
    message.actions = array('d', plan.actions.ravel())
    message.cost, message.cost_now, message.cost_noop = plan.cost, plan.cost_now, plan.cost_noop
    message.best_cost = array('d', plan.best_per_iteration)
    message.elite_mean = array('d', plan.elite_mean_per_iteration)
    message.elite_std = array('d', plan.elite_std_per_iteration)
    message.iterations = plan.iterations
    message.plan_time_s = plan.plan_time_s
    message.deadline_hit = plan.deadline_hit
    message.restarted = plan.restarted
    message.saturation = plan.saturation
    message.stopped = plan.stopped
    message.rollout_time_s = plan.rollout_time_s
    message.objective_time_s = plan.objective_time_s
    message.solver_time_s = plan.solver_time_s
    if plan.elites is not None:
        message.elites = array('d', plan.elites.ravel())
        message.elite_costs = array('d', plan.elite_costs)
    _encode_surprise(plan, message)
    return message


def _encode_surprise(plan: Plan, message: PlanMessage) -> None:
    surprise = plan.surprise
    if surprise is None:
        message.prediction_error = message.surprise = math.nan
        return
    message.prediction_error = surprise.distance
    message.surprise = surprise.score
    message.surprised = surprise.flagged
