"""Limits are checked when they are made, and zero is one of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.limits import (
    FER,
    FR3,
    WORKSPACE_CELL,
    WORKSPACE_SUPERVISED,
    JointLimits,
    LimitError,
    MotionLimits,
    Workspace,
)
from jepa_wm_ros.robot.poses import Pose

points = st.tuples(*[st.floats(-2.0, 2.0)] * 3)


@given(points)
def test_clipped_point_is_inside_and_inside_points_stay(point):
    clipped = WORKSPACE_CELL.clip(point)
    assert WORKSPACE_CELL.contains(clipped)
    if WORKSPACE_CELL.contains(point):
        np.testing.assert_array_equal(clipped, point)


def test_zero_is_a_limit():
    half_space = Workspace(lower=np.array([-math.inf, -math.inf, 0.0]), upper=np.full(3, math.inf))
    assert not half_space.contains([0.5, 0.0, -0.01])
    assert half_space.clip([0.5, 0.0, -0.01])[2] == 0.0


def test_point_that_is_not_a_number_is_outside():
    assert not WORKSPACE_CELL.contains([math.nan, 0.0, 0.3])


def test_clipped_pose_keeps_its_rotation():
    pose = Pose(np.array([9.0, 0.0, 0.3]), np.diag([1.0, -1.0, -1.0]))
    clipped = WORKSPACE_CELL.clip_pose(pose)
    assert clipped.position[0] == WORKSPACE_CELL.upper[0]
    np.testing.assert_array_equal(clipped.rotation, pose.rotation)


def test_supervised_box_contains_the_cell():
    assert WORKSPACE_SUPERVISED.contains(WORKSPACE_CELL.lower)
    assert WORKSPACE_SUPERVISED.contains(WORKSPACE_CELL.upper)


@pytest.mark.parametrize('table', [FER, FR3])
def test_margin_is_the_distance_to_the_nearest_limit(table):
    middle = 0.5 * (table.lower + table.upper)
    assert table.margin(middle) > 0.5
    near = middle.copy()
    near[3] = table.upper[3] - 0.01
    assert table.margin(near) == pytest.approx(0.01)
    near[3] = table.upper[3] + 0.01
    assert table.margin(near) == pytest.approx(-0.01)
    assert table.margin(table.clip(near, margin=0.05)) == pytest.approx(0.05)


def test_margin_of_nan_passes_no_comparison():
    assert not FER.margin(np.full(7, math.nan)) >= 0.0


@pytest.mark.parametrize('bad', [[0.1, 0.2], [0.1, math.nan, 0.3]])
def test_corner_that_is_not_three_numbers_is_refused(bad):
    with pytest.raises(LimitError, match='workspace lower'):
        Workspace(lower=np.array(bad), upper=np.ones(3))


def test_box_upside_down_is_refused():
    with pytest.raises(LimitError, match='above upper'):
        Workspace(lower=np.ones(3), upper=np.zeros(3))


def test_joint_limits_upside_down_are_refused():
    with pytest.raises(LimitError, match='above upper'):
        JointLimits(lower=FER.upper, upper=FER.lower, velocity=FER.velocity, effort=FER.effort)


@pytest.mark.parametrize('speed', [0.0, -1.0, math.nan, math.inf])
def test_speed_to_which_no_motion_can_be_stretched_is_refused(speed):
    with pytest.raises(LimitError, match='max_speed_m_s'):
        MotionLimits(max_speed_m_s=speed)
