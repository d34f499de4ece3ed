"""When messages are due, with a clock that the test holds."""

import math

import pytest

from jepa_wm_ros.data.timeline import Timeline, TimelineError


def test_time_runs_at_the_rate():
    line = Timeline(100.0, rate=4.0)
    line.resume(10.0)
    assert line.now(11.5) == 106.0
    assert line.wait_s(108.0, 11.5) == 0.5
    assert line.wait_s(105.0, 11.5) == 0.0


def test_a_pause_stands_still_and_goes_on_from_there():
    line = Timeline(0.0)
    assert line.wait_s(1.0, 5.0) == math.inf
    line.resume(5.0)
    line.pause(7.0)
    assert (line.now(100.0), line.wait_s(2.5, 100.0)) == (2.0, math.inf)
    line.resume(100.0)
    assert line.now(100.5) == 2.5


def test_a_jump_keeps_running():
    line = Timeline(0.0, rate=2.0)
    line.resume(0.0)
    line.jump(0.0, 50.0)
    assert line.now(51.0) == 2.0


@pytest.mark.parametrize('rate', [0.0, -1.0, math.nan, math.inf])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(TimelineError, match='above 0'):
        Timeline(0.0, rate)
