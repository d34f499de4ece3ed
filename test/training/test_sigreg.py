"""SIGReg against known values."""

from __future__ import annotations

import pytest
import torch

from jepa_wm_ros.training.sigreg import NULL_EXPECTATION, random_directions, sigreg


def one_dimensional(samples: torch.Tensor) -> float:
    return float(sigreg(samples.double()[None, :, None], torch.ones(1, 1, dtype=torch.float64)))


@pytest.mark.parametrize(('batch', 'expected'), [(32, 12.8655), (128, 51.4621)])
def test_collapsed_embeddings(batch: int, expected: float) -> None:
    assert one_dimensional(torch.zeros(batch)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ('scale', 'shift', 'expected', 'tolerance'),
    [
        (1.0, 0.0, NULL_EXPECTATION, 0.1),
        (0.5, 0.0, 19.8, 0.4),
        (2.0, 0.0, 31.7, 0.5),
        (1.0, 1.0, 58.5, 1.0),
    ],
)
def test_gaussians(scale: float, shift: float, expected: float, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    samples = scale * torch.randn(500, 128, generator=generator) + shift
    mean = sum(one_dimensional(row) for row in samples) / len(samples)
    assert mean == pytest.approx(expected, abs=tolerance)


def test_the_order_within_a_batch_does_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(3, 16, 5, generator=generator)
    directions = random_directions(5, 32, generator)
    shuffled = embeddings[:, torch.randperm(16, generator=generator)]
    assert torch.allclose(sigreg(embeddings, directions), sigreg(shuffled, directions))


def test_directions_have_unit_length() -> None:
    lengths = random_directions(7, 100, torch.Generator().manual_seed(0)).norm(dim=0)
    assert torch.allclose(lengths, torch.ones(100))
