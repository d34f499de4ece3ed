"""How a model is run: packed weights, numbers of reduced precision, compiled blocks, memory."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
from jepa_wm_ros.worldmodel.predictors.attention import Attention, Projection
from jepa_wm_ros.worldmodel.predictors.blocks import Block, Mlp
from jepa_wm_ros.worldmodel.predictors.conditioning import Conditioning
from jepa_wm_ros.worldmodel.predictors.packed import (
    PackedLinear,
    PackedMlp,
    PackedProjection,
    can_pack,
)
from jepa_wm_ros.worldmodel.predictors.rollout import candidates_within
from jepa_wm_ros.worldmodel.predictors.transformer import Transformer

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AnyModule = TypeVar('AnyModule', bound=nn.Module)
CACHE_BYTES = 2**26
"""On a CPU, tokens of candidates that are worked on at once should nearly fit into its cache."""
TORCH_TYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16}


class ReducedLinear(nn.Module):
    """A linear layer that multiplies in another type, and gives back the type that it takes."""

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        """Wrap a layer that takes and gives `dtype`."""
        super().__init__()
        self.layer, self.dtype = layer, dtype

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., outputs)`."""
        result: Tensor = self.layer(x.to(self.dtype))
        return result.to(x.dtype)


def run_as(model: WorldModel, settings: ExecutionSettings) -> WorldModel:
    """Return a model for inference that predicts as the settings say.

    Encoder, contract and whatever needs no conversion are shared with the given model, which
    stays as it is. A model without a transformer is returned as it is: the predictors of small
    ones wait for calls, not for products.
    """
    predictor = getattr(model, 'predictor', None)
    if not isinstance(model, nn.Module) or not isinstance(predictor, nn.Module):
        return model
    if not any(isinstance(part, Transformer) for part in predictor.modules()):
        return model
    twin = cast('Any', _twin(model))
    device = next(predictor.parameters()).device
    twin.predictor = _Conversion(settings, device).of(predictor)
    memory = settings.memory_bytes or (CACHE_BYTES if device.type == 'cpu' else 0)
    if hasattr(twin, 'candidates_at_once') and memory:
        twin.candidates_at_once = candidates_within(
            memory, twin.predictor.core.settings, twin.architecture.window
        )
    return cast('WorldModel', twin)


class _Conversion:
    """Replaces layers, in copies of the modules that contain them."""

    def __init__(self, settings: ExecutionSettings, device: torch.device) -> None:
        self.dtype = TORCH_TYPES[settings.dtype]
        self.compile = settings.compile
        self.pack = settings.packed and not settings.compile and can_pack(device, self.dtype)

    def of(self, module: nn.Module) -> nn.Module:
        """Return a module that stands in for another."""
        if isinstance(module, Conditioning):
            return module  # one product for each frame, not for each token: exact is cheap
        if isinstance(module, Projection):
            return PackedProjection(module, self.dtype) if self.pack else _cast(module, self.dtype)
        if isinstance(module, Mlp) and self.pack:
            return PackedMlp(module, self.dtype)
        if isinstance(module, nn.Linear):
            return ReducedLinear(self._linear(module), self.dtype)
        twin = _twin(module)
        for name, child in module.named_children():
            twin._modules[name] = self._child(module, name, child)
        if isinstance(twin, Transformer) and twin.settings.condition_dim:
            twin.merged = _merged(twin, self.pack)
        if isinstance(twin, Block) and self.compile:
            twin.compile(dynamic=False)
        return twin

    def _child(self, parent: nn.Module, name: str, child: nn.Module) -> nn.Module:
        if name == 'modulation' and isinstance(parent, Block):
            return child
        if isinstance(parent, (Attention, Mlp)) and isinstance(child, nn.Linear):
            # Within these two, one layer hands on to the next in its own type.
            return self.of(child) if isinstance(child, Projection) else self._linear(child)
        return self.of(child)

    def _linear(self, layer: nn.Linear) -> nn.Module:
        if self.pack:
            return PackedLinear(layer.weight, layer.bias, self.dtype)
        return _cast(layer, self.dtype)


def _merged(core: Transformer, pack: bool) -> nn.Module:
    """Return the modulations of all blocks as one layer, in float32."""
    layers = [cast('nn.Linear', block.modulation) for block in core.blocks]
    weight = torch.cat([layer.weight for layer in layers])
    bias = torch.cat([layer.bias for layer in layers])
    if pack:
        return PackedLinear(weight, bias, weight.dtype)
    merged = nn.Linear(1, 1).requires_grad_(False)
    merged.weight, merged.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return merged


def _twin(module: AnyModule) -> AnyModule:
    """Return a module whose children can be replaced without changing the original."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin


def _cast(layer: AnyModule, dtype: torch.dtype) -> AnyModule:
    """Return a layer with its weights in another type; the same layer when they are."""
    twin = _twin(layer)
    twin._parameters = {
        name: None if value is None else nn.Parameter(value.detach().to(dtype), False)
        for name, value in layer._parameters.items()
    }
    return twin
