"""The processes that train one model together, and sums over them that gradients pass through.

Each process makes its part of a batch, and the loss is the mean of what the processes say. What a
loss needs of the whole batch goes through `Team.mean` or `Team.gathered`, whose derivatives are
summed over the processes in turn: then the mean of the gradients is that of one process with the
whole batch.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Team:
    """Who takes part.

    Attributes:
        rank: Number of this process.
        size: Number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes files and says how it goes."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """Return which of `count` clips are this process's own."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean over the processes."""
        if self.size == 1:
            return x
        total: Tensor = _Sum.apply(x)
        return total / self.size

    def gathered(self, x: Tensor) -> Tensor:
        """Return the rows of all processes, `(size * B, ...)` for `(B, ...)`."""
        if self.size == 1:
            return x
        rows: Tensor = _Gather.apply(x, self.rank, self.size)
        return rows

    def any(self, wanted: bool, device: torch.device) -> bool:
        """Return whether some process wants something; all get the same answer."""
        if self.size == 1:
            return wanted
        votes = torch.tensor(float(wanted), device=device)
        dist.all_reduce(votes)
        return bool(votes > 0)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


ALONE = Team()


@contextmanager
def joined(
    device: torch.device, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Team, torch.device]]:
    """Join the processes that `torchrun` started; a process started otherwise is alone.

    Args:
        device: `cuda` gives each process a GPU of its own, and NCCL between them; else Gloo.
        environment: The variables that `torchrun` sets; the process's own by default.

    Yields:
        The team, and this process's device.
    """
    variables = os.environ if environment is None else environment
    size = int(variables.get('WORLD_SIZE', '1'))
    if size == 1:
        yield ALONE, device
        return
    rank = int(variables['RANK'])
    if device.type == 'cuda':
        device = torch.device('cuda', int(variables.get('LOCAL_RANK', '0')))
        torch.cuda.set_device(device)
    dist.init_process_group(
        'nccl' if device.type == 'cuda' else 'gloo',
        store=_store(rank, size, variables),
        rank=rank,
        world_size=size,
    )
    try:
        yield Team(rank, size), device
    finally:
        dist.destroy_process_group()


def _store(rank: int, size: int, variables: Mapping[str, str]) -> dist.Store:
    """Return where the processes find each other.

    torchrun's store outlives a restart, and holds the addresses of processes that are dead: who
    is quick would call those. So each life has keys of its own. Only one agent knows how often it
    restarted; several may have counted differently.
    """
    from torch.distributed.rendezvous import rendezvous

    store, _, _ = next(rendezvous('env://', rank, size))
    life = variables.get('TORCHELASTIC_RESTART_COUNT', '0')
    if variables.get('GROUP_WORLD_SIZE', '1') != '1':
        life = '0'
    return dist.PrefixStore(f'life-{life}', store)


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


class _Gather(torch.autograd.Function):
    """The rows of all processes; each process's rows get the sum of their derivatives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, size: int) -> Tensor:
        ctx.own = slice(rank * len(x), (rank + 1) * len(x))
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(size)]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[ctx.own], None, None
