"""Frames one step apart, cut where something is missing."""

import numpy as np
import pytest
from fabricated import joints_at, number_of, write_bag
from wanted import settings

from jepa_wm_ros.data.recordings import RecordingError, check_clock
from jepa_wm_ros.data.resampling import SteppingSettings


def test_a_gap_in_the_pictures_cuts_the_episode(build, tmp_path):
    write_bag(tmp_path / 'bag', pictures=lambda t: None if 1.5 < t < 2.2 else t)
    table, audit = build(tmp_path / 'bag')
    assert table.length.tolist() == [4, 5]
    assert audit.sources.picture_gaps == 1
    assert audit.sources.longest_gap_s == pytest.approx(11 / 15, abs=0.01)
    # the second grid begins with the first picture after the gap
    assert [number_of(p) for p in table.pixels[4:6]] == [33, 39]


def test_a_gap_in_the_states_cuts_the_episode(build, tmp_path):
    write_bag(tmp_path / 'bag', states=lambda t: None if 1.5 < t < 2.2 else t)
    table, audit = build(tmp_path / 'bag')
    assert table.length.tolist() == [4, 5]
    assert (audit.sources.picture_gaps, audit.sources.state_gaps) == (0, 1)


def test_short_gaps_are_bridged(build, tmp_path):
    write_bag(tmp_path / 'bag', states=lambda t: None if 1.52 < t < 1.7 else t)
    table, _ = build(tmp_path / 'bag')
    assert table.length.tolist() == [11]


def test_an_arm_that_is_suddenly_elsewhere_was_put_there(build, tmp_path):
    reset = lambda t: joints_at(t) + (0.3 if t > 2.1 else 0.0)  # noqa: E731
    write_bag(tmp_path / 'bag', joints=reset)
    table, audit = build(tmp_path / 'bag')
    assert table.length.tolist() == [6, 5]
    assert audit.sources.jumps == 1
    assert np.nanmax(np.abs(table.action[:, :3])) < 0.1


def test_pictures_before_the_first_state_are_left_out(build, tmp_path):
    write_bag(tmp_path / 'bag', states=lambda t: None if t < 1.0 else t)
    table, audit = build(tmp_path / 'bag')
    assert number_of(table.pixels[0]) == 15
    assert audit.sources.state_gaps == 0


def test_jitter_does_not_accumulate(build, tmp_path):
    rng = np.random.default_rng(0)
    jitter = lambda t: t + rng.uniform(0.0, 0.03)  # noqa: E731
    write_bag(tmp_path / 'bag', seconds=16.5, pictures=jitter)
    table, audit = build(tmp_path / 'bag')
    assert table.length.tolist() == [42]
    assert audit.steps.measured_s[2] == pytest.approx(0.4, abs=0.002)
    assert audit.steps.measured_s[4] < 0.5


def test_long_recordings_are_cut_and_short_pieces_dropped(build, tmp_path):
    write_bag(tmp_path / 'bag')
    table, audit = build(tmp_path / 'bag', most_steps=4, least_steps=2)
    assert table.length.tolist() == [5, 5]
    assert audit.sources.short == 1
    assert np.isnan(table.action[[4, 9]]).all()


@pytest.mark.parametrize('name', ['step_duration_s', 'max_gap_s', 'nominal_fps'])
@pytest.mark.parametrize('value', [0.0, -1.0, float('nan')])
def test_durations_must_be_positive(name, value):
    with pytest.raises(ValueError, match=f'{name} must be a positive number'):
        SteppingSettings(**{'step_duration_s': 0.4, name: value})


def test_lengths_must_leave_something():
    with pytest.raises(ValueError, match='least_steps must be at least 1'):
        settings(least_steps=0)
    with pytest.raises(ValueError, match='at most most_steps'):
        settings(least_steps=9, most_steps=8)


def test_a_pause_is_no_jump_of_the_clock():
    stamps = np.array([0.0, 0.1, 9.0, 9.1])
    check_clock(stamps, 'pictures')
    check_clock(stamps, 'pictures', arrivals=stamps + 0.01)
    with pytest.raises(RecordingError, match=r'jumps by \+8\.8 s after stamp 1'):
        check_clock(stamps, 'pictures', arrivals=np.array([0.0, 0.1, 0.2, 0.3]))
    with pytest.raises(RecordingError, match=r'jumps by -8\.9 s'):
        check_clock(stamps[[0, 2, 1]], 'pictures')
