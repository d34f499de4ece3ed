"""Weights of MPPI: cheap elites count for more, and nothing breaks them."""

from __future__ import annotations

import math

import pytest
import torch

from jepa_wm_ros.planning.solvers.mppi import WeightedFit


def fit(temperature: float = 1.0, absolute: bool = True) -> WeightedFit:
    return WeightedFit(
        temperature=temperature,
        absolute=absolute,
        mean_momentum=0.0,
        std_momentum=0.0,
        std_floor=torch.zeros(1),
    )


def test_a_cost_of_one_temperature_above_the_best_weighs_one_e_th_of_it() -> None:
    weights = fit(temperature=2.0).weights(torch.tensor([[3.0, 5.0]]))
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights[0, 1] / weights[0, 0]) == pytest.approx(math.exp(-1))


def test_a_relative_temperature_does_not_depend_on_the_unit_of_cost() -> None:
    costs = torch.tensor([[1.0, 2.0, 6.0]])
    relative = fit(absolute=False)
    assert torch.allclose(relative.weights(costs), relative.weights(1000 * costs))
    assert not torch.allclose(fit().weights(costs), fit().weights(1000 * costs))


@pytest.mark.parametrize('absolute', [True, False])
def test_infinite_costs_weigh_nothing_unless_there_are_no_others(absolute: bool) -> None:
    costs = torch.tensor([[1.0, float('inf')], [float('inf')] * 2, [2.0, 2.0]])
    weights = fit(absolute=absolute).weights(costs)
    assert torch.allclose(weights, torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]))
