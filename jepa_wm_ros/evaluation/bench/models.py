"""What is measured: a bundle, or a published model of full size with random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.protocol import WorldModel


class BenchError(JepaWmError):
    """Something that cannot be measured."""


def load_model(name: str, device: torch.device, seed: int = 0) -> WorldModel:
    """Return a model in eval mode, without gradients.

    Args:
        name: Folder of a bundle, or name of a preset, which gets random weights.
        device: Where it goes.
        seed: Of the random weights.

    Raises:
        BenchError: There is neither such a folder nor such a preset.
        BundleError: The bundle is damaged.
    """
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.published.presets import load_preset, preset_names

    if Path(name).is_dir():
        return load_bundle(name, device)
    if name not in preset_names():
        raise BenchError(
            f'--model {name}: no folder and no preset of this name; presets are '
            f'{", ".join(preset_names())}'
        )
    return random_model(load_preset(name).contract, device, seed)


def random_model(contract: Contract, device: torch.device, seed: int = 0) -> WorldModel:
    """Return a model of a contract with random weights of which none is without effect.

    Matrices have the standard deviation 1 / sqrt(inputs), so that signals keep their size through
    all layers and every action changes what is predicted.
    """
    from jepa_wm_ros.worldmodel.building import build_empty, fill

    model = build_empty(contract)
    generator = torch.Generator(device).manual_seed(seed)
    weights = {
        name: _random(name, like, generator, device) for name, like in model.state_dict().items()
    }
    return fill(model, weights)  # type: ignore[return-value]


def _random(name: str, like: Tensor, generator: torch.Generator, device: torch.device) -> Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype, device=device)
    values = torch.empty(like.shape, dtype=like.dtype, device=device)
    if like.dim() > 1:
        return values.normal_(0.0, 1.0 / math.sqrt(like[0].numel()), generator=generator)
    if name.endswith('bias') or name.endswith('running_mean'):
        return values.normal_(0.0, 0.1, generator=generator)
    return values.uniform_(0.5, 1.5, generator=generator)  # scales, variances, periods
