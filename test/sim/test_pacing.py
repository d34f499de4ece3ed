"""Keeping simulated time in step with real time."""

import numpy as np
import pytest

from jepa_wm_ros.sim.pacing import Pacer, PacingError, Schedule


def test_time_does_not_drift_whatever_the_jitter():
    pacer, generator = Pacer(), np.random.default_rng(0)
    moments = 100.0 + np.cumsum(generator.uniform(0.0, 0.03, 5000))
    simulated = sum(pacer.advance(moment) for moment in moments)
    assert simulated == pytest.approx(moments[-1] - moments[0])
    assert pacer.lost_s == 0.0


def test_the_factor_makes_time_run_faster():
    pacer = Pacer(4.0)
    pacer.advance(0.0)
    assert pacer.advance(0.01) == pytest.approx(0.04)


def test_a_long_stall_is_not_made_up_for_in_one_leap():
    pacer = Pacer(patience_s=0.1)
    pacer.advance(0.0)
    assert pacer.advance(5.0) == pytest.approx(0.1)
    assert pacer.lost_s == pytest.approx(4.9)
    assert pacer.advance(5.01) == pytest.approx(0.01)


def test_events_keep_their_rate_although_ticks_do_not_divide_it():
    schedule = Schedule(15.0)
    events = sum(schedule.due(tick * 0.01) for tick in range(10_000))
    assert events == pytest.approx(1500, abs=1)


def test_missed_events_are_left_out():
    schedule = Schedule(10.0)
    assert schedule.due(0.0)
    assert schedule.due(1.05)
    assert not schedule.due(1.06)
    assert schedule.due(1.1)


def test_events_start_afresh_when_time_jumps_back():
    schedule = Schedule(10.0)
    schedule.due(100.0)
    assert schedule.due(0.0)
    assert not schedule.due(0.05)


@pytest.mark.parametrize('rate', [0.0, -1.0, float('nan')])
def test_rates_without_meaning_are_refused(rate):
    with pytest.raises(PacingError):
        Pacer(rate)
    with pytest.raises(PacingError):
        Schedule(rate)
