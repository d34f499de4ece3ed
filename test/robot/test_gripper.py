"""Gripper readings become closedness whatever the driver's unit and direction."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.gripper import PRESETS, GripperCodec, GripperError


@pytest.mark.parametrize(
    ('name', 'reading', 'closedness'),
    [
        ('robotiq', 0.0, 0.0),
        ('robotiq', 0.7929, 1.0),
        ('franka_hand', 0.04, 0.0),
        ('franka_hand', 0.0, 1.0),
        ('franka_hand', 0.01, 0.75),
        ('franka_hand_width', 0.08, 0.0),
        ('franka_hand_width', 0.02, 0.75),
        ('crisp', 1.0, 0.0),
        ('crisp', 0.0, 1.0),
        ('sim', 0.4, 0.5),
    ],
)
def test_known_readings(name, reading, closedness):
    assert GripperCodec.preset(name).decode(reading) == pytest.approx(closedness)


@pytest.mark.parametrize('name', PRESETS)
@given(closedness=st.floats(0.0, 1.0))
def test_encoding_and_decoding_are_inverse(name, closedness):
    codec = GripperCodec.preset(name)
    assert codec.decode(codec.encode(closedness)) == pytest.approx(closedness, abs=1e-12)


def test_full_width_taken_for_half_width_is_noticed():
    with pytest.raises(GripperError, match='right gripper preset'):
        GripperCodec.preset('franka_hand').decode(0.08)


def test_angle_taken_for_openness_is_noticed():
    with pytest.raises(GripperError, match='right gripper preset'):
        GripperCodec.preset('robotiq').decode(1.0)


def test_small_overshoot_is_clipped():
    assert GripperCodec.preset('robotiq').decode(0.8) == 1.0
    assert GripperCodec.preset('robotiq').decode(-0.003) == 0.0


def test_command_outside_of_the_range_is_clipped():
    assert GripperCodec.preset('franka_hand').encode(1.5) == 0.0
    assert GripperCodec.preset('franka_hand').encode(-0.5) == 0.04


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_what_is_not_a_number_is_refused(bad):
    codec = GripperCodec.preset('sim')
    with pytest.raises(GripperError):
        codec.decode(bad)
    with pytest.raises(GripperError):
        codec.encode(bad)


def test_unknown_preset_is_named_with_the_known_ones():
    with pytest.raises(GripperError, match='robotiq'):
        GripperCodec.preset('robotik')


def test_gripper_without_range_is_refused():
    with pytest.raises(GripperError, match='two different numbers'):
        GripperCodec(open_value=0.3, closed_value=0.3)
