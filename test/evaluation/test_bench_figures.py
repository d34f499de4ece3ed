"""Timing, counting and measuring that a benchmark rests on."""

import statistics

import pytest
import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from jepa_wm_ros.evaluation.bench import machine
from jepa_wm_ros.evaluation.bench.flops import count_flops
from jepa_wm_ros.evaluation.bench.memory import CLEAR, peak_bytes
from jepa_wm_ros.evaluation.bench.timing import Timing, take_turns
from jepa_wm_ros.worldmodel.predictors.packed import PackedLinear, can_pack

CPU = torch.device('cpu')


def test_median_and_p95_are_those_of_the_times():
    timing = Timing(tuple(float(n) for n in range(1, 22)))
    assert timing.median_s == 11.0
    assert timing.p95_s == pytest.approx(20.0)
    assert Timing((2.0,)).p95_s == 2.0
    assert Timing((1.0, 3.0)).median_s == statistics.median([1.0, 3.0])


def test_a_timing_needs_times():
    with pytest.raises(ValueError, match='at least one'):
        Timing(())


def test_runs_take_turns_after_their_warm_up():
    calls, ticks = [], iter(range(100))
    runs = [lambda: calls.append('a'), lambda: calls.append('b')]
    timings = take_turns(
        runs, warm_up=1, repeats=2, device=CPU, clock=lambda: float(next(ticks) ** 2)
    )
    assert calls == ['a', 'b', 'a', 'b', 'a', 'b']
    assert timings[0].seconds == (1.0, 9.0)
    assert timings[1].seconds == (5.0, 13.0)


@pytest.mark.skipif(not CLEAR.exists(), reason='only Linux tells')
def test_peak_memory_sees_what_was_held_for_a_moment():
    before = peak_bytes(lambda: None, CPU)
    held = peak_bytes(lambda: torch.ones(60_000_000).sum(), CPU)
    after = peak_bytes(lambda: None, CPU)
    assert held - before == pytest.approx(240e6, rel=0.1)
    assert after < before + 60e6


def test_products_and_attention_are_counted_with_two_operations_each():
    x, weight = torch.randn(7, 5), torch.randn(3, 5)
    assert count_flops(lambda: linear(x, weight)) == 2 * 7 * 5 * 3
    q, k = torch.randn(2, 4, 6, 8), torch.randn(2, 4, 10, 8)
    with torch.inference_mode():
        assert count_flops(lambda: scaled_dot_product_attention(q, k, k)) == 2 * 2 * (
            2 * 4 * 6 * 10 * 8
        )


@pytest.mark.skipif(not can_pack(CPU), reason='a build without oneDNN')
def test_packed_products_are_counted():
    layer = PackedLinear(torch.randn(3, 5), None, torch.float32)
    assert count_flops(lambda: layer(torch.randn(2, 7, 5))) == 2 * 14 * 5 * 3


def test_the_rate_of_the_machine_is_that_of_its_shortest_product(monkeypatch):
    monkeypatch.setattr(machine, 'SIDE', 64)
    times = iter([(0.5, 0.25, 0.3), (0.4, 0.4, 0.4)])
    monkeypatch.setattr(machine, 'take_turns', lambda *_, **__: [Timing(next(times))])
    assert machine.matmul_rate(CPU, torch.float32) == 2 * 64**3 / 0.25
    assert 'threads' in machine.machine_name(CPU)
