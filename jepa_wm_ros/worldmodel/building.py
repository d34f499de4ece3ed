"""Building a model whose weights come from a file: no memory and no time for random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch.overrides import TorchFunctionMode

from jepa_wm_ros.worldmodel.families import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from jepa_wm_ros.worldmodel.contract import Contract


class _WithoutValues(TorchFunctionMode):
    """Lets `torch.empty` make tensors without memory, and leaves those as they are.

    Layers allocate their parameters with `torch.empty` and then fill them. Here the allocation
    goes to the meta device, and what would change such a tensor in place is skipped: torch could
    do it, but would load a computer algebra system for that. Tables and statistics that are no
    part of the state dict are made by other functions and get their values, as they would not
    under `torch.device('meta')`.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        values = dict(kwargs or {})
        if func is torch.empty and values.get('device') is None:
            return func(*args, **{**values, 'device': 'meta'})
        name = getattr(func, '__name__', '')
        if name.endswith('_') and not name.endswith('__'):
            changed = args[0] if args else values.get('tensor')
            if isinstance(changed, torch.Tensor) and changed.is_meta:
                return changed
        return func(*args, **values)


def build_empty(contract: Contract, source: Path | str = 'model.yaml') -> nn.Module:
    """Build a model of the contract's family whose weights are not there yet.

    Its state dict has the right names, shapes and types; `fill` brings the values.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.

    Raises:
        SchemaError: The family is unknown, or its architecture settings are wrong.
    """
    with _WithoutValues():
        return cast('nn.Module', build(contract, source))


def fill(model: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """Make tensors the weights of a model, without copying them.

    Args:
        model: From `build_empty`; brought to the weights' device.
        weights: Exactly the names and shapes of its state dict.

    Returns:
        The model in eval mode, without gradients.
    """
    model.load_state_dict(weights, assign=True)
    device = next(iter(weights.values())).device
    left = [name for name, buffer in model.named_buffers() if buffer.is_meta]
    if left:
        raise RuntimeError(f'buffers made with torch.empty have no values: {", ".join(left)}')
    return model.to(device).eval().requires_grad_(False)
