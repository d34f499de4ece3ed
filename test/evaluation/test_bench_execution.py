"""Blocking against streaming, in lockstep."""

import numpy as np
import pytest

from jepa_wm_ros.evaluation.bench.execution import LockstepArm, LockstepError, Run, summarise
from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.motion import MotionPlan
from jepa_wm_ros.sim.simulation import CellSimulation

START = np.array([0.42, -0.1, 0.4])
AHEAD = [0.0, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture(scope='module')
def simulation():
    with CellSimulation(render=False) as simulation:
        yield simulation


def arm_at_start(simulation, *, streaming):
    arm = LockstepArm(simulation, streaming=streaming)
    arm.reset(START, np.random.default_rng(0))
    return arm


def plan_from(arm, *actions):
    return MotionPlan(
        actions=np.array(actions),
        step_duration_s=0.4,
        observation_stamp_s=arm.time_s,
        observation_pose=arm.pose,
    )


def test_the_arm_goes_where_the_plan_says(simulation):
    arm = arm_at_start(simulation, streaming=False)
    arm.execute(plan_from(arm, AHEAD))
    arm.finish()
    assert [result.code for result in arm.results] == [ResultCode.SUCCEEDED]
    np.testing.assert_allclose(arm.pose.position, START + AHEAD[:3], atol=0.01)


def test_a_second_plan_is_refused_while_the_first_is_executed(simulation):
    arm = arm_at_start(simulation, streaming=False)
    arm.execute(plan_from(arm, AHEAD))
    arm.wait(0.1)
    with pytest.raises(LockstepError, match='another plan'):
        arm.execute(plan_from(arm, AHEAD))
    arm.stop()


def test_streaming_goes_on_without_a_stop(simulation):
    arm = arm_at_start(simulation, streaming=True)
    arm.execute(plan_from(arm, AHEAD, AHEAD, AHEAD))
    speeds = []
    for _ in range(4):
        plan = plan_from(arm, AHEAD, AHEAD, AHEAD)
        arm.wait(0.1)
        arm.execute(plan)
        before = arm.pose.position
        arm.wait(0.1)
        speeds.append((arm.pose.position - before)[1] / 0.1)
    assert min(speeds[1:]) > 0.05
    arm.stop()
    assert not arm.moving
    assert ResultCode.FAULT not in [result.code for result in arm.results]


def test_the_figures_are_those_of_the_runs():
    runs = [
        Run(final_distance_m=0.02, near_after_s=3.0, plans=10),
        Run(final_distance_m=0.04, near_after_s=5.0, plans=20),
        Run(final_distance_m=0.2, near_after_s=None, plans=30),
    ]
    figures = summarise(runs, streaming=True, delay_s=0.1)
    assert (figures.episodes, figures.near, figures.near_3cm) == (3, 2, 1)
    assert figures.final_distance_m == pytest.approx(0.04)
    assert (figures.near_after_s, figures.plans) == (5.0, 20.0)


def test_the_median_time_of_those_that_mostly_do_not_arrive_is_not_known():
    runs = [Run(final_distance_m=0.2, near_after_s=None, plans=1)] * 2
    assert summarise(runs, streaming=False, delay_s=0.1).near_after_s is None
