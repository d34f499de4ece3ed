"""Nothing is kept of goals and plans that have ended: counted in objects, not in megabytes."""

import functools
import gc
from collections import Counter

import policy_rig
import pytest
from fake_arm import FakeArm
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from jepa_wm_msgs.srv import SetGoal
from policy_rig import GOAL, START, picture_of
from rclpy.action import ActionServer
from std_srvs.srv import SetBool

from jepa_wm_ros.ros import action_server
from jepa_wm_ros.ros.images import encode_image

FEW, MANY = 2, 5
LEAST = 0.5
"""Objects of one kind for each goal that count as growth: one for each is what a leak leaves."""
RINGS = ('jepa_wm_ros.robot.joint_buffer.JointSample',)
"""Things that come with time, not with goals, into rings that are not full yet."""


@pytest.fixture(autouse=True)
def _forget_soon(monkeypatch):
    """Results are kept for a second, on both sides, so that the test need not wait for more."""
    monkeypatch.setattr(action_server, 'RESULT_TIMEOUT_S', 1)
    monkeypatch.setattr(
        policy_rig, 'ActionServer', functools.partial(ActionServer, result_timeout=1)
    )


def kinds():
    gc.collect()
    return Counter(
        f'{type(thing).__module__}.{type(thing).__qualname__}' for thing in gc.get_objects()
    )


def servers(*nodes):
    return [w for node in nodes for w in node.waitables if isinstance(w, ActionServer)]


def growth(act, quiet):
    """What there is more of, for each call of `act`, each time that it is called so often.

    What is filled or made once (a cache, a ring) grows in one of the rounds only.
    """
    counted = []
    for calls in (FEW, MANY, MANY):
        for _ in range(calls):
            act()
        quiet()
        counted.append(kinds())
    first, second, third = counted
    found = {
        kind: min(third[kind] - second[kind], second[kind] - first[kind]) / MANY for kind in third
    }
    return {kind: count for kind, count in found.items() if count >= LEAST and kind not in RINGS}


class Pursuit:
    """A user who sends one goal after the other, in one of several ways."""

    def __init__(self, rig):
        self.rig = rig
        self._number = 0
        self._set_goal = rig.user.create_client(SetGoal, 'set_goal')
        self._pause = rig.user.create_client(SetBool, 'pause')
        rig.graph.spin_until(self._set_goal.service_is_ready)
        rig.graph.spin_until(self._pause.service_is_ready)

    def see(self):
        """Wait for what the camera sees now: counting takes long."""
        eyes = self.rig.planner._tools.eyes
        seen_s = eyes.newest.stamp_s
        self.rig.graph.spin_until(lambda: eyes.newest.stamp_s > seen_s)

    def place(self):
        self._number += 1
        return (GOAL, START)[self._number % 2]

    def reach(self):
        assert self.rig.go(self.place())[0].code == ReachGoal.Result.REACHED

    def cancel(self):
        handle = self.rig.send((1.2, 0.8, 0.4))
        self.rig.graph.spin_until(lambda: self.rig.cell.moving)
        self.rig.graph.result_of(handle.cancel_goal_async())
        assert self.rig.result(handle)[0].code == ReachGoal.Result.CANCELED

    def replace(self):
        old, new = self.rig.send((1.2, 0.8, 0.4)), self.rig.send(self.place())
        codes = [self.rig.result(handle)[0].code for handle in (old, new)]
        assert codes == [ReachGoal.Result.PREEMPTED, ReachGoal.Result.REACHED]

    def preview(self):
        result, _ = self.rig.go(self.place(), preview=True)
        assert result.code == ReachGoal.Result.PREVIEWED

    def serve(self):
        """By service, paused and let go on."""
        self.see()
        request = SetGoal.Request(images=[encode_image(picture_of(self.place()))])
        assert self.rig.graph.result_of(self._set_goal.call_async(request)).accepted
        for paused in (True, False):
            self.rig.graph.result_of(self._pause.call_async(SetBool.Request(data=paused)))
        self.rig.graph.spin_until(lambda: not self.rig.planner.busy)

    def refuse(self):
        """A plan that the arm refuses."""
        self.rig.cell.code = ExecuteActions.Result.UNREACHABLE
        result, _ = self.rig.go((1.2, 0.8, 0.4))
        assert result.code == ReachGoal.Result.EXECUTION_FAILED

    def quiet(self):
        """Wait until every result has been forgotten, and drop what the rig itself has noted."""
        rig = self.rig
        everybody = servers(rig.planner, rig.cell.node)
        rig.graph.spin_until(lambda: not any(s._goal_handles for s in everybody), 20.0)
        rig.cell.plans.clear()
        rig.feedback.clear()
        rig.planner._publish_diagnostics()
        rig.encoder._publish_diagnostics()
        # the nodes of the test are plain ones: timers of their waits stay there
        for node in (rig.cell.node, rig.user):
            node.default_callback_group.entities -= {
                reference
                for reference in node.default_callback_group.entities
                if reference() is None
            }


WAYS = ('reach', 'cancel', 'replace', 'preview', 'serve', 'refuse')


@pytest.mark.parametrize('way', WAYS)
def test_the_policy_keeps_nothing_of_goals_that_have_ended(make_rig, way):
    rig = make_rig(observation_timeout_s=20.0)  # counting takes time in a large process
    rig.cell.motion_s = 0.01
    user = Pursuit(rig)
    assert growth(getattr(user, way), user.quiet) == {}


@pytest.mark.parametrize('way', ['reach', 'cancel', 'replace'])
def test_nor_does_it_while_streaming(make_rig, monkeypatch, way):
    monkeypatch.setattr(policy_rig, 'STREAM_STEP_S', 0.1)
    rig = make_rig(execution='streaming', observation_timeout_s=20.0)
    rig.cell.streaming = True
    user = Pursuit(rig)
    assert growth(getattr(user, way), user.quiet) == {}


def test_the_action_publisher_keeps_nothing_of_plans_that_have_ended(graph, make_publisher):
    # counting takes longer than joint states may be away
    publisher = make_publisher(
        max_joint_age_s=5.0, max_image_age_s=5.0, max_gripper_age_s=5.0, hold_floor_s=5.0
    )
    arm = FakeArm(graph)
    arm.ready()
    arm.arm()
    number = 0

    def execute():
        nonlocal number
        number += 1
        way = 0.01 * (-1) ** number
        result = arm.execute(arm.plan([0.0, way, 0.0, 0.0, 0.0, 0.0, 0.0], step_duration_s=0.1))
        assert result.code == ExecuteActions.Result.SUCCEEDED, result.message

    def quiet():
        (server,) = servers(publisher)
        arm.graph.spin_until(lambda: not server._goal_handles, 20.0)
        for noted in (arm.commands, arm.command_times, arm.statuses, arm.executed):
            noted.clear()
        publisher._publish_diagnostics()

    assert growth(execute, quiet) == {}
