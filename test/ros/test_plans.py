"""A plan's evidence on the wire."""

import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time

from jepa_wm_ros.planning.plan import Plan
from jepa_wm_ros.planning.surprise import Surprise
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros.plans import encode_plan


def sent(**evidence):
    plan = Plan(
        actions=np.arange(14.0).reshape(2, 7),
        execute_steps=1,
        cost=0.5,
        cost_now=1.0,
        cost_noop=0.9,
        iterations=3,
        plan_time_s=0.02,
        deadline_hit=False,
        restarted=False,
        saturation=0.0,
        **evidence,
    )
    pose = Pose(np.array([0.4, 0.0, 0.3]))
    return encode_plan(
        plan, observation_stamp=Time(sec=5), observation_pose=pose, step_duration_s=0.4
    )


def test_the_elites_can_be_read_back():
    elites = np.random.default_rng(0).normal(size=(3, 2, 7))
    message = sent(elites=elites, elite_costs=[0.1, 0.2, 0.3])
    shape = (len(message.elite_costs), message.horizon, message.action_dim)
    assert np.array_equal(np.array(message.elites).reshape(shape), elites)
    assert list(message.elite_costs) == [0.1, 0.2, 0.3]


def test_the_time_of_each_part_and_the_reason_to_stop_are_told():
    message = sent(
        rollout_time_s=0.01, objective_time_s=0.004, solver_time_s=0.006, stopped='deadline'
    )
    parts = (message.rollout_time_s, message.objective_time_s, message.solver_time_s)
    assert sum(parts) == pytest.approx(message.plan_time_s)
    assert message.stopped == 'deadline'


def test_a_surprise_goes_with_the_plan():
    message = sent(surprise=Surprise(distance=0.3, usual=0.1, score=9.0, flagged=True))
    assert (message.prediction_error, message.surprise, message.surprised) == (0.3, 9.0, True)


def test_no_comparison_is_no_surprise():
    message = sent()
    assert math.isnan(message.surprise)
    assert not message.surprised
