"""The published tables agree with each other, and the speed of an FR3 shrinks near its ends."""

import math

import numpy as np
import pytest

from jepa_wm_ros.robot.cone import OrientationCone
from jepa_wm_ros.robot.limits import (
    FER,
    FER_FLANGE,
    FR3,
    FR3_FLANGE,
    FR3_FULL,
    LimitError,
    Workspace,
)
from jepa_wm_ros.robot.poses import Pose, apply_action, distance

DOWN = Pose(np.array([0.45, 0.0, 0.4]), np.diag([1.0, -1.0, -1.0]))
AT_TABLE = np.array([0.0, 0.0, -1.0])


def test_speeds_of_an_fer_are_the_same_everywhere():
    down, up = FER.speeds(FER.upper)
    np.testing.assert_array_equal(down, FER.velocity)
    np.testing.assert_array_equal(up, FER.velocity)


def test_speeds_of_an_fr3_shrink_to_nothing_at_the_ends_and_only_towards_them():
    down, up = FR3_FULL.speeds(FR3_FULL.upper)
    assert not up.any()
    np.testing.assert_array_equal(down, FR3_FULL.velocity)
    down, up = FR3_FULL.speeds(FR3_FULL.lower)
    assert not down.any()
    down, up = FR3_FULL.speeds(0.5 * (FR3_FULL.lower + FR3_FULL.upper))
    np.testing.assert_array_equal(up, np.minimum(FR3_FULL.velocity, up))
    assert up[0] == FR3_FULL.velocity[0]


@pytest.mark.parametrize('corner', ['lower', 'upper'])
def test_rectangular_table_of_an_fr3_is_a_rectangle_under_its_envelope(corner):
    """Both are published: at the corners the envelope allows what the rectangle does."""
    down, up = FR3_FULL.speeds(getattr(FR3, corner))
    allowed = up if corner == 'upper' else down
    np.testing.assert_allclose(np.minimum(allowed, FR3.velocity), FR3.velocity, rtol=0.02)


def test_rectangular_positions_lie_within_the_full_ones():
    assert (FR3.lower > FR3_FULL.lower).all()
    assert (FR3.upper < FR3_FULL.upper).all()


def test_joint_four_of_an_fr3_one_tenth_from_its_end():
    positions = 0.5 * (FR3_FULL.lower + FR3_FULL.upper)
    positions[3] = FR3_FULL.upper[3] - 0.1
    _, up = FR3_FULL.speeds(positions)
    assert up[3] == pytest.approx(-0.30 + math.sqrt(2 * 4.0 * 0.1))


def test_flange_tables():
    assert (FER_FLANGE.speed_m_s, FR3_FLANGE.speed_m_s) == (1.7, 3.0)
    assert (FER_FLANGE.acceleration_m_s2, FR3_FLANGE.acceleration_m_s2) == (13.0, 9.0)


def test_gripper_that_points_down_is_in_the_middle_of_the_cone():
    cone = OrientationCone(axis=AT_TABLE, angle_rad=0.0)
    assert cone.tilt(DOWN) == 0.0
    assert cone.contains(DOWN)
    assert cone.contains(apply_action(DOWN, [0, 0, 0, 0, 0, 1.0]))


def test_zero_is_a_cone_and_not_its_absence():
    cone = OrientationCone(axis=AT_TABLE, angle_rad=0.0)
    tilted = apply_action(DOWN, [0, 0, 0, 0.01, 0, 0])
    assert not cone.contains(tilted)
    assert cone.tilt(cone.clip(tilted)) < 1e-9


@pytest.mark.parametrize('tilt', [0.5, 1.5, 3.0, math.pi])
def test_orientation_is_turned_back_by_the_smallest_rotation(tilt):
    cone = OrientationCone(axis=AT_TABLE, angle_rad=0.3)
    tilted = apply_action(DOWN, [0, 0, 0, tilt, 0, 0])
    clipped = cone.clip(tilted)
    assert cone.tilt(clipped) == pytest.approx(0.3, abs=1e-9)
    assert distance(tilted, clipped) == pytest.approx((0.0, tilt - 0.3), abs=1e-9)
    assert cone.clip(clipped) is clipped


def test_workspace_moves_position_and_orientation():
    cone = OrientationCone(axis=AT_TABLE, angle_rad=0.1)
    box = Workspace(lower=np.full(3, 0.0), upper=np.full(3, 0.3), cone=cone)
    clipped = box.clip_pose(apply_action(DOWN, [0, 0, 0, 0.4, 0, 0]))
    np.testing.assert_allclose(clipped.position, [0.3, 0.0, 0.3])
    assert cone.tilt(clipped) == pytest.approx(0.1)


def test_pose_that_is_not_a_number_is_in_no_cone():
    cone = OrientationCone(axis=AT_TABLE, angle_rad=math.pi)
    assert not cone.contains(Pose(np.zeros(3), np.full((3, 3), math.nan)))


@pytest.mark.parametrize(
    ('axis', 'angle', 'word'),
    [
        ([0, 0, 0], 0.1, 'direction'),
        ([0, 0, math.inf], 0.1, 'direction'),
        ([0, 0, -1], -0.1, 'within 0'),
        ([0, 0, -1], 3.2, 'within 0'),
        ([0, 0, -1], math.nan, 'within 0'),
        ([0, -1], 0.1, '3 numbers'),
    ],
)
def test_cone_that_is_none_is_refused(axis, angle, word):
    with pytest.raises(LimitError, match=word):
        OrientationCone(axis=np.array(axis, dtype=float), angle_rad=angle)
