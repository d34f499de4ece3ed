"""Slots are matched one to one, as cheaply as can be, whatever their order."""

import itertools

import pytest
import torch

from jepa_wm_ros.worldmodel.assignment import (
    AssignmentError,
    cosine_distances,
    match,
    reorder,
    squared_distances,
)


def cheapest(costs):
    """Try every permutation of a small matrix."""
    rows = range(len(costs))
    return min(
        sum(float(costs[i, j]) for i, j in zip(rows, order, strict=True))
        for order in itertools.permutations(rows)
    )


@pytest.mark.parametrize('count', [1, 2, 3, 4, 6])
def test_no_permutation_is_cheaper(count):
    costs = torch.rand(20, count, count, generator=torch.Generator().manual_seed(count)).double()
    columns = match(costs)
    assert torch.equal(columns.sort(-1).values, torch.arange(count).expand(20, count))
    totals = torch.take_along_dim(costs, columns[..., None], -1).sum((-2, -1))
    for total, matrix in zip(totals, costs, strict=True):
        assert float(total) == pytest.approx(cheapest(matrix))


def test_a_hidden_permutation_is_found_in_every_entry_of_a_batch():
    generator = torch.Generator().manual_seed(0)
    slots = torch.randn(5, 7, 11, 8, generator=generator)
    order = torch.argsort(torch.rand(5, 7, 11, generator=generator), -1)
    shuffled = reorder(slots, order)
    assert torch.equal(match(squared_distances(shuffled, slots)), order)
    assert torch.equal(match(cosine_distances(3.0 * shuffled, slots)), order)
    assert torch.equal(reorder(slots, match(squared_distances(shuffled, slots))), shuffled)


def test_a_single_matrix_needs_no_batch():
    costs = torch.tensor([[1.0, 0.0, 9.0], [0.0, 5.0, 9.0], [9.0, 9.0, 0.0]])
    assert match(costs).tolist() == [1, 0, 2]


@pytest.mark.parametrize('shape', [(3, 4), (15, 15), (4,), (2, 0, 0)])
def test_what_has_no_assignment_is_refused(shape):
    with pytest.raises(AssignmentError, match='N from 1 to'):
        match(torch.zeros(shape))


def test_costs_that_are_not_finite_are_refused():
    with pytest.raises(AssignmentError, match='finite'):
        match(torch.tensor([[0.0, torch.nan], [1.0, 0.0]]))
