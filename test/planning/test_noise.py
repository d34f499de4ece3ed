"""Noise along the horizon: unit variance, and the correlation that was asked for."""

from __future__ import annotations

import pytest
import torch

from jepa_wm_ros.planning.solvers.noise import ColouredNoise, SharedNoise


def drawn(noise, shape=(1, 4000, 3, 1)) -> torch.Tensor:
    return noise(shape, torch.Generator().manual_seed(0))[0, ..., 0]


@pytest.mark.parametrize(('correlation', 'expected'), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_shared_noise_correlates_successive_steps_as_asked(correlation, expected) -> None:
    samples = drawn(SharedNoise(correlation=correlation))
    assert float(torch.corrcoef(samples.T)[0, 1]) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize('exponent', [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize('horizon', [1, 2, 5, 6, 64])
def test_coloured_noise_has_variance_one_whatever_its_colour(exponent, horizon) -> None:
    samples = drawn(ColouredNoise(exponent=exponent), (1, 20_000, horizon, 1))
    assert samples.shape == (20_000, horizon)
    assert float(samples.var()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize('exponent', [0.0, 1.0, 2.0])
def test_the_power_of_coloured_noise_falls_with_its_exponent(exponent) -> None:
    samples = drawn(ColouredNoise(exponent=exponent), (1, 2000, 64, 1))
    power = torch.fft.rfft(samples, dim=1).abs().square().mean(0)[1:-1].log()
    frequency = torch.fft.rfftfreq(64)[1:-1].log()
    slope = torch.cov(torch.stack([frequency, power]))[0, 1] / frequency.var()
    assert float(slope) == pytest.approx(-exponent, abs=0.05)
