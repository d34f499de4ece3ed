"""The cheapest one-to-one assignment of small sets, exact, for whole batches at once.

Slots come in no order: predicted and wanted ones have to be matched before they can be compared.
The usual Hungarian algorithm works on one matrix after the other; here all matrices of a batch go
through the same dynamic programme over subsets of columns,

    best(S) = min over j in S of  best(S - {j}) + cost[|S| - 1, j],

which takes N 2^(N-1) additions for each matrix: few for a handful of slots.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 14
"""Rows up to which the subsets of columns fit in memory for a batch of candidates."""


class AssignmentError(JepaWmError):
    """An assignment was asked of a matrix that has none, or of one that is too large."""


@torch.no_grad()
def match(costs: Tensor) -> Tensor:
    """Assign each row a column of its own so that the sum of costs is least.

    Args:
        costs: `(..., N, N)`, finite.

    Returns:
        `(..., N)` int64: the column of each row. Among equally cheap assignments, any.

    Raises:
        AssignmentError: The matrix is not square, too large, or not finite.
    """
    count = costs.shape[-1]
    if costs.ndim < 2 or costs.shape[-2] != count or not 1 <= count <= LARGEST:
        raise AssignmentError(
            f'expected costs (..., N, N) with N from 1 to {LARGEST}, got {tuple(costs.shape)}'
        )
    if not bool(costs.isfinite().all()):
        raise AssignmentError('costs must be finite; a slot or a goal slot holds NaN or infinity')
    # Subsets along the first dimension: what is gathered is then contiguous.
    flat = costs.flatten(0, -3).permute(1, 2, 0) if costs.ndim > 2 else costs[..., None]
    columns = _columns(flat.contiguous())
    return columns.T.reshape(costs.shape[:-1])


def squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """Return the squared distance `(..., N, M)` of every slot of two sets `(..., N or M, D)`."""
    return (one[..., :, None, :] - other[..., None, :, :]).square().sum(-1)


def cosine_distances(one: Tensor, other: Tensor) -> Tensor:
    """Return one minus the cosine `(..., N, M)` of every pair of `(..., N or M, D)`."""
    unit = torch.nn.functional.normalize
    return 1.0 - unit(one, dim=-1) @ unit(other, dim=-1).mT


def reorder(slots: Tensor, order: Tensor) -> Tensor:
    """Return slots `(..., N, D)` in the order `(..., N)`: entry i is slot `order[i]`."""
    return torch.take_along_dim(slots, order[..., None], -2)


def _columns(costs: Tensor) -> Tensor:
    """Return the columns `(N, batch)` for costs `(N, N, batch)`."""
    count = len(costs)
    best = costs[0]
    choices = []
    for row in range(1, count):
        before, column = (table.to(costs.device) for table in _subsets(count, row + 1))
        total = best[before] + costs[row][column]
        best, chosen = total.min(1)
        choices.append((before, column, chosen))
    columns = []
    index = torch.zeros(costs.shape[-1], dtype=torch.long, device=costs.device)
    for before, column, chosen in reversed(choices):
        last = chosen.gather(0, index[None])[0]
        columns.append(column[index, last])
        index = before[index, last]
    columns.append(index)  # a subset of one column has that column's number
    return torch.stack(columns[::-1])


@cache
def _subsets(count: int, size: int) -> tuple[Tensor, Tensor]:
    """List the subsets of `size` of `count` columns.

    Returns:
        For each subset and each of its columns: the number of the subset without that column
        among those of `size - 1`, and the column; both `(subsets, size)`.
    """
    of_size = {s: [m for m in range(1 << count) if m.bit_count() == s] for s in (size - 1, size)}
    number = {subset: i for i, subset in enumerate(of_size[size - 1])}
    members = [[j for j in range(count) if subset >> j & 1] for subset in of_size[size]]
    before = [
        [number[subset & ~(1 << j)] for j in columns]
        for subset, columns in zip(of_size[size], members, strict=True)
    ]
    return torch.tensor(before), torch.tensor(members)
