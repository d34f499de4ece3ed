import math

import pytest

from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level, RateMonitor


def test_a_rate_is_averaged_over_its_window():
    rate = RateMonitor(window=3)
    assert (rate.rate_hz, rate.age_s(1.0)) == (0.0, math.inf)
    for now in (0.0, 10.0, 10.1, 10.2):
        rate.tick(now)
    assert rate.rate_hz == pytest.approx(10.0)
    assert rate.age_s(10.5) == pytest.approx(0.3)
    assert rate.count == 4


def test_the_longest_gap_of_the_window_is_told():
    rate = RateMonitor(window=3)
    assert rate.longest_s == 0.0
    for now in (0.0, 10.0, 10.1, 10.3):
        rate.tick(now)
    assert rate.longest_s == pytest.approx(0.2)


def test_a_clock_that_jumps_back_starts_the_rate_afresh():
    rate = RateMonitor()
    for now in (100.0, 100.1, 5.0, 5.5):
        rate.tick(now)
    assert rate.rate_hz == pytest.approx(2.0)


def test_percentiles_are_those_of_the_last_durations():
    latency = LatencyMonitor(window=100)
    assert math.isnan(latency.percentile_s(50))
    for number in range(200):
        latency.add(number / 1000)
    assert latency.percentile_s(0) == pytest.approx(0.100)
    assert latency.percentile_s(50) == pytest.approx(0.150)
    assert latency.percentile_s(95) == pytest.approx(0.195)
    assert latency.percentile_s(100) == pytest.approx(0.199)
    assert latency.values('plan')['plan_p95_ms'] == pytest.approx(195.0)


def test_a_diagnostic_becomes_a_status_of_its_node():
    item = Diagnostic(name='camera', level=Level.STALE, message='silent', values={'age_s': 1 / 3})
    status = item.status('/left/encoder')
    assert (status.name, status.level, status.message) == (
        'left/encoder: camera', b'\x03', 'silent',
    )  # fmt: skip
    assert [(v.key, v.value) for v in status.values] == [('age_s', '0.3333')]
