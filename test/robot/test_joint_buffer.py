"""Joint positions at a picture's time: interpolated, or refused with a reason."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.joint_buffer import JointBuffer, JointBufferError


@pytest.fixture
def buffer():
    buffer = JointBuffer(capacity=50, max_gap_s=0.1)
    for tick in range(20):
        buffer.add(10.0 + 0.01 * tick, [0.01 * tick, -0.02 * tick])
    return buffer


def test_interpolates_between_samples(buffer):
    np.testing.assert_allclose(buffer.at(10.055), [0.055, -0.11])


def test_gives_samples_at_their_own_stamp(buffer):
    np.testing.assert_allclose(buffer.at(10.0), [0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(buffer.at(10.19), [0.19, -0.38])


@given(st.floats(0.0, 0.19))
def test_linear_motion_is_reproduced(offset):
    buffer = JointBuffer()
    for tick in range(20):
        buffer.add(10.0 + 0.01 * tick, [0.01 * tick])
    assert buffer.at(10.0 + offset)[0] == pytest.approx(offset, abs=1e-9)


def test_holds_the_newest_sample_for_a_while(buffer):
    np.testing.assert_allclose(buffer.at(10.25), [0.19, -0.38])


@pytest.mark.parametrize(
    ('stamp_s', 'reason'), [(10.30, 'did the joint states stop'), (9.9, 'too old')]
)
def test_moment_out_of_range_is_refused(buffer, stamp_s, reason):
    with pytest.raises(JointBufferError, match=reason):
        buffer.at(stamp_s)


def test_gap_between_samples_is_not_bridged(buffer):
    buffer.add(10.6, [1.0, 1.0])
    with pytest.raises(JointBufferError, match='gap'):
        buffer.at(10.4)


def test_empty_buffer_is_refused():
    with pytest.raises(JointBufferError, match='no joint states yet'):
        JointBuffer().at(1.0)


def test_clock_that_jumps_back_clears_the_buffer(buffer):
    buffer.add(3.0, [5.0, 5.0])
    assert len(buffer) == 1
    np.testing.assert_allclose(buffer.at(3.0), [5.0, 5.0])


@pytest.mark.parametrize(
    ('stamp_s', 'positions'), [(math.nan, [0, 0]), (11.0, [math.nan, 0]), (11.0, [0, math.inf])]
)
def test_sample_that_is_not_finite_is_refused_and_not_kept(buffer, stamp_s, positions):
    with pytest.raises(JointBufferError, match='finite'):
        buffer.add(stamp_s, positions)
    assert len(buffer) == 20


def test_old_samples_are_forgotten():
    buffer = JointBuffer(capacity=5)
    for tick in range(20):
        buffer.add(0.01 * tick, [0.0])
    assert len(buffer) == 5
    with pytest.raises(JointBufferError):
        buffer.at(0.0)


def test_later_changes_of_the_given_array_do_not_change_the_sample(buffer):
    mine = np.array([7.0, 7.0])
    buffer.add(10.2, mine)
    mine[:] = 0.0
    np.testing.assert_allclose(buffer.at(10.2), [7.0, 7.0])


def test_speed_is_the_mean_of_the_window(buffer):
    np.testing.assert_allclose(buffer.speed(0.05), [1.0, -2.0])
    assert buffer.speed(1.0) is None
    assert JointBuffer().speed(0.05) is None
