"""How a model is run: numbers of reduced precision, compiled blocks, memory for candidates."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from torch import Tensor, nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel
from jepa_wm_ros.worldmodel.predictors.attention import Attention
from jepa_wm_ros.worldmodel.predictors.blocks import Mlp
from jepa_wm_ros.worldmodel.predictors.conditioning import Conditioning
from jepa_wm_ros.worldmodel.predictors.rollout import candidates_within

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AnyModule = TypeVar('AnyModule', bound=nn.Module)
DTYPES = ('fp32', 'bf16')


class ExecutionError(JepaWmError):
    """A model that cannot be run in the way that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """How to run the predictor of a model.

    Attributes:
        dtype: Numbers of the predictor's large matrix products: `fp32`, which changes nothing, or
            `bf16`, which is faster and rounds; the residual stream, the norms, the modulations
            and all costs stay in float32 in both.
        compile: Whether blocks are compiled by `torch.compile`: minutes at first, then faster.
        memory_bytes: What the tokens of candidates may take at once; 0 for the model's own bound.
    """

    dtype: str = 'fp32'
    compile: bool = False
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown types and negative memory."""
        one_of('dtype', self.dtype, DTYPES)
        require(self.memory_bytes >= 0, f'memory_bytes must not be negative: {self.memory_bytes}')


class ReducedLinear(nn.Module):
    """A linear layer that multiplies in bfloat16 and takes and gives float32."""

    def __init__(self, layer: nn.Linear) -> None:
        """Keep the layer's weights in bfloat16."""
        super().__init__()
        self.layer = _cast(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., outputs)`."""
        result: Tensor = self.layer(x.bfloat16())
        return result.to(x.dtype)


def run_as(model: WorldModel, settings: ExecutionSettings) -> WorldModel:
    """Return a model that predicts as the settings say, with the same encoder and contract.

    The given model stays as it is; what needs no conversion is shared.

    Raises:
        ExecutionError: The model has no transformer predictor, and something else than its
            ordinary way was asked for.
    """
    if settings == ExecutionSettings():
        return model
    if not isinstance(model, FrameWorldModel):
        raise ExecutionError(
            f'{model.contract.name}: its predictor is no transformer of frames and runs in one '
            'way only; leave out dtype, compile and memory'
        )
    twin = _twin(model)
    if settings.dtype == 'bf16':
        twin.predictor = _reduced(twin.predictor)
    if settings.compile:
        twin.predictor = _compiled(twin.predictor)
    if settings.memory_bytes:
        twin.candidates_at_once = candidates_within(
            settings.memory_bytes, twin.predictor.core.settings, twin.architecture.window
        )
    return cast('WorldModel', twin)


def _twin(module: AnyModule) -> AnyModule:
    """Return a module whose children can be replaced without changing the original."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin


def _cast(layer: nn.Linear) -> nn.Linear:
    twin = _twin(layer)
    twin._parameters = {
        name: None if value is None else nn.Parameter(value.detach().bfloat16(), False)
        for name, value in layer._parameters.items()
    }
    return twin


def _reduced(module: AnyModule) -> AnyModule:
    """Return a module whose large matrix products are in bfloat16.

    Attention and MLP keep the type from one layer to the next; others give float32 back. What is
    one product for each frame and not for each token stays exact: actions and modulations.
    """
    inside = isinstance(module, (Attention, Mlp))
    twin = _twin(module)
    for name, child in module.named_children():
        if isinstance(child, Conditioning):
            continue
        if not isinstance(child, nn.Linear):
            twin._modules[name] = _reduced(child)
        elif name != 'modulation':
            twin._modules[name] = _cast(child) if inside else ReducedLinear(child)
    return twin


def _compiled(predictor: FramePredictor) -> FramePredictor:
    """Return a predictor with compiled blocks; alike as they are, they share their code."""
    twin = _twin(predictor)
    twin.core = _twin(predictor.core)
    twin.core.blocks = nn.ModuleList(_twin(block) for block in predictor.core.blocks)
    for block in twin.core.blocks:
        block.compile(dynamic=False)
    return twin
