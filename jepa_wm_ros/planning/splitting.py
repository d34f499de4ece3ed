"""Candidates shared out to several processes, such as one for each GPU under `torchrun`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from jepa_wm_ros.planning.solver import CostFunction


def split_cost(cost: CostFunction, device: torch.device) -> CostFunction:
    """Return a cost function of which each process of the default group judges its share.

    Every process must draw the same candidates, that is: use the same seed. Then all get the same
    costs, make the same next distribution, and find the same plan; nothing but the costs travels.
    A deadline has to be judged by one clock: see `shared_clock`.

    Args:
        cost: Costs `(B, S)` of candidates `(B, S, H, A)`.
        device: Where the process group exchanges tensors.
    """

    def whole(candidates: Tensor) -> Tensor:
        shares = candidates.tensor_split(dist.get_world_size(), 1)
        largest = shares[0].shape[1]  # tensor_split makes the first shares the larger ones
        mine = shares[dist.get_rank()]
        costs = candidates.new_zeros(len(candidates), largest, device=device)
        if mine.shape[1]:
            costs[:, : mine.shape[1]] = cost(mine)
        gathered = [torch.empty_like(costs) for _ in shares]
        dist.all_gather(gathered, costs)
        parts = [part[:, : s.shape[1]] for part, s in zip(gathered, shares, strict=True)]
        return torch.cat(parts, 1).to(candidates.device)

    return whole


def shared_clock(device: torch.device) -> Callable[[], float]:
    """Return a monotonic clock [s] that is process 0's in all processes of the default group.

    Each reading is an exchange, so that all processes must read it as often: a `Budget` with this
    clock ends the search of all of them in the same iteration.
    """

    def now() -> float:
        reading = torch.tensor([time.perf_counter()], dtype=torch.float64, device=device)
        dist.broadcast(reading, 0)
        return float(reading)

    return now
