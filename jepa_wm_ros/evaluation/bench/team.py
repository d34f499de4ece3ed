"""The processes of a measurement: one, or those that `torchrun` started."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.distributed as dist

from jepa_wm_ros.planning.splitting import split_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jepa_wm_ros.planning.solver import CostFunction


class Member(NamedTuple):
    """What one process of the team has to know.

    Attributes:
        device: Its own device.
        share: Turns a cost function into one of which each process judges a part.
        first: Whether it is the one that reports.
    """

    device: torch.device
    share: Callable[[CostFunction], CostFunction]
    first: bool


@contextmanager
def team(device: torch.device) -> Iterator[Member]:
    """Join the processes that `torchrun` started, or be alone.

    Args:
        device: Kind of device; under `torchrun` every process takes the one of its local rank.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) == 1:
        yield Member(device, lambda cost: cost, True)
        return
    backend = 'gloo'
    if device.type == 'cuda':
        backend, device = 'nccl', torch.device('cuda', int(os.environ['LOCAL_RANK']))
        torch.cuda.set_device(device)
    dist.init_process_group(backend)
    try:
        yield Member(device, partial(split_cost, device=device), dist.get_rank() == 0)
    finally:
        dist.destroy_process_group()
