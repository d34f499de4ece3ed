"""Weights that are spread over the processes (FSDP): for predictors too large for one device.

Every process keeps its part of each weight, of its gradient and of the optimiser's state; a block
is put together while it is needed. Files hold whole tensors, so that a checkpoint does not depend
on the number of processes, nor on whether its weights were spread at all.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.training.team import Team


def shard(criterion: nn.Module, team: Team, device: torch.device) -> None:
    """Spread the weights of a loss and its model over the processes, in place.

    The blocks of the model's stacks are put together one at a time, all else once a step. The
    optimiser has to be made afterwards.

    Args:
        criterion: The same on all processes.
        team: The processes.
        device: Of this process.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # It warns of work in place on what a block returns; nobody does that here.
    warnings.filterwarnings('ignore', message='FSDP2-wrapped module')
    mesh = init_device_mesh(device.type, (team.size,))
    stacks = [module for module in criterion.modules() if isinstance(module, nn.ModuleList)]
    for stack in stacks:
        for block in stack:
            # What a condition does to a block is asked before the block itself.
            modulation = getattr(block, 'modulation', None)
            if isinstance(modulation, nn.Module):
                fully_shard(modulation, mesh=mesh)
            fully_shard(block, mesh=mesh)
    fully_shard(criterion, mesh=mesh)


def gathered_state(state: Any) -> Any:
    """Return a state dict with whole tensors, on the CPU; every process has to call it.

    Args:
        state: Of a module or an optimiser, at any depth.
    """
    return _mapped(state, _whole)


def spread_like(state: Any, present: Any) -> Any:
    """Return whole tensors spread as those of another state dict are.

    Args:
        state: Whole tensors, the same on every process.
        present: Says of which tensors each process has a part only.
    """
    return _mapped(state, _part, present)


def spread_optimiser_state(state: dict[str, Any], optimiser: torch.optim.Optimizer) -> Any:
    """Return an optimiser's state dict of whole tensors, spread as the parameters are."""
    from torch.distributed.tensor import DTensor

    parameters = [p for group in optimiser.param_groups for p in group['params']]
    found = dict(state)
    found['state'] = {
        index: {
            name: _part(parameters[index], value)
            if isinstance(parameters[index], DTensor)
            and isinstance(value, Tensor)
            and value.shape == parameters[index].shape
            else value
            for name, value in values.items()
        }
        for index, values in state['state'].items()
    }
    return found


def _mapped(state: Any, change: Callable[..., Any], *others: Any) -> Any:
    if isinstance(state, dict):
        return {k: _mapped(v, change, *(o[k] for o in others)) for k, v in state.items()}
    if isinstance(state, list):
        return [_mapped(v, change, *(o[i] for o in others)) for i, v in enumerate(state)]
    return change(*others, state) if isinstance(state, Tensor) else state


def _whole(tensor: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def _part(like: Any, tensor: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor
    whole = tensor.to(like.device)
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)
