"""Objectives: the reference's numbers, weighted sums, and what moving costs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from jepa_wm_ros.planning.objective import GoalDistance, WeightedSum, action_penalty
from jepa_wm_ros.worldmodel.latent import Latent

PARITY = Path(__file__).parents[1] / 'data' / 'parity' / 'objectives'


@pytest.fixture(scope='module')
def case() -> dict[str, torch.Tensor]:
    return load_file(PARITY / 'tensors.safetensors')


@pytest.fixture(scope='module')
def predicted(case) -> Latent:
    """One problem with six candidates of four frames; the reference puts time first."""
    tokens = case['in/enc_visual'].flatten(2, 4).transpose(0, 1)[None]
    return Latent(tokens=tokens, proprio=case['in/enc_proprio'].flatten(2).transpose(0, 1)[None])


@pytest.fixture(scope='module')
def goal(case) -> Latent:
    tokens = case['in/goal_visual'].flatten(2, 4)[0]
    return Latent(tokens=tokens, proprio=case['in/goal_proprio'].flatten(2)[0])


@pytest.mark.parametrize('reduction', ['last', 'sum'])
@pytest.mark.parametrize('distance', ['L1', 'L2'])
@pytest.mark.parametrize('weight', [0.0, 0.1, 1.0])
def test_distances_of_the_reference(case, predicted, goal, distance, reduction, weight) -> None:
    objective = GoalDistance(
        distance_name=distance.lower(), reduction=reduction, proprio_weight=weight
    )
    expected = case[f'out/{distance}_td_alpha{weight}_{reduction}']
    assert torch.allclose(objective(predicted, goal)[0], expected, atol=1e-5)


@pytest.mark.parametrize(('reduction', 'frames'), [('last', 1), ('sum', 4)])
def test_the_reference_counts_similarity_from_zero(case, predicted, goal, reduction, frames):
    objective = GoalDistance(distance_name='flat_cosine', reduction=reduction)
    expected = case[f'out/repr_sim_visual_{reduction}'] + frames
    assert torch.allclose(objective(predicted, goal)[0], expected, atol=1e-5)


def test_a_weighted_sum_is_one(predicted, goal) -> None:
    parts = (GoalDistance(distance_name='l1'), GoalDistance(distance_name='cosine'))
    both = WeightedSum(parts=((2.0, parts[0]), (0.5, parts[1])))
    expected = 2 * parts[0](predicted, goal) + 0.5 * parts[1](predicted, goal)
    assert torch.allclose(both(predicted, goal), expected)
    now = predicted.map(lambda part: part[:, 0, 0])
    expected = 2 * parts[0].distance(now, goal) + 0.5 * parts[1].distance(now, goal)
    assert torch.allclose(both.distance(now, goal), expected)


def test_moving_costs_the_square_of_the_part_of_the_range() -> None:
    actions = torch.tensor([[[[0.04, 0.0], [0.08, 0.0]]]])
    assert float(action_penalty(actions, torch.tensor([0.08, 0.0]))) == pytest.approx(0.625)
