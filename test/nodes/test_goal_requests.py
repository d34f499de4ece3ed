"""Goals that are taken, and goals that are refused with a reason."""

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import SafetyStatus
from jepa_wm_msgs.srv import SetGoal
from policy_rig import GOAL, START, picture_of
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from jepa_wm_ros.ros.images import encode_image

Code = ReachGoal.Result


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
    assert rig.distance() < 0.02
    assert {plan.goal_id for plan in rig.cell.plans} == {answer.goal_id}


def test_a_captured_picture_is_a_goal(rig):
    rig.cell.position[:] = GOAL
    seen = rig.planner._tools.eyes.newest.stamp_s
    rig.graph.spin_until(lambda: rig.planner._tools.eyes.newest.stamp_s > seen + 0.05)
    assert rig.call(Trigger, 'capture_goal', Trigger.Request()).success
    rig.cell.position[:] = START
    result, _ = rig.go(name='')
    assert result.code == Code.REACHED
    assert rig.distance() < 0.02


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
