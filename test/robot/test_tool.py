"""The driver's end effector and our flange are the same thing seen from two sides."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.poses import Pose, apply_action, distance, from_euler, to_euler
from jepa_wm_ros.robot.tool import FRANKA_HAND, Tool

numbers = st.floats(-1.0, 1.0)
six = st.lists(numbers, min_size=6, max_size=6)


def test_the_hand_that_points_down_ends_10_cm_below_the_flange():
    down = from_euler((0.4, 0.1, 0.5), (math.pi, 0.0, 0.0))
    hand = FRANKA_HAND.of_flange(down)
    np.testing.assert_allclose(hand.position, [0.4, 0.1, 0.5 - 0.1034], atol=1e-12)
    np.testing.assert_allclose(np.abs(to_euler(hand)), [math.pi, 0.0, math.pi / 4], atol=1e-9)


@given(six, six)
def test_there_and_back_is_where_it_was(place, tool):
    flange, tool = from_euler(place[:3], place[3:]), Tool.at(tool[:3], tool[3:])
    metres, radians = distance(tool.to_flange(tool.of_flange(flange)), flange)
    assert metres < 1e-9
    assert radians < 1e-6


@given(six, six, six)
def test_its_twist_is_how_its_pose_changes(place, tool, twist):
    flange, tool, twist = (
        from_euler(place[:3], place[3:]),
        Tool.at(tool[:3], tool[3:]),
        np.array(twist),
    )
    step = 1e-6
    later = tool.of_flange(apply_action(flange, step * twist)).position
    rate = (later - tool.of_flange(flange).position) / step
    np.testing.assert_allclose(tool.twist(flange, twist)[:3], rate, atol=1e-5)
    np.testing.assert_array_equal(tool.twist(flange, twist)[3:], twist[3:])


def test_no_tool_is_the_flange():
    pose = Pose(np.array([0.1, 0.2, 0.3]))
    assert distance(Tool().of_flange(pose), pose) == (0.0, 0.0)
