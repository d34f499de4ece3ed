"""Files with the names, shapes and types of published ones, and random weights.

They show that a model has exactly what was published, and that it loads and predicts at full
size, without anybody's weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from jepa_wm_ros.worldmodel.weights import write_weights

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.worldmodel.published.layouts.layout import Layout, Spec

WEIGHT_STD = 0.02
"""Standard deviation of random weights, as most of these models begin with."""


def fabricate(layout: Layout, path: Path, ignored: Iterable[str] = (), seed: int = 0) -> int:
    """Write a file of random weights.

    Args:
        layout: What it contains.
        path: The file; a name that ends with .safetensors makes one of those, any other one a
            file of `torch.save`.
        ignored: Further keys that the published file has and nobody needs.
        seed: Of the weights.

    Returns:
        Bytes of the tensors.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: _tensor(spec, generator) for name, spec in layout.specs().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.safetensors':
        write_weights(path, tensors)
    else:
        torch.save(_file(tensors, ignored) if layout.nested else tensors, path)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _file(tensors: dict[str, Tensor], ignored: Iterable[str]) -> dict[str, Any]:
    """Nest the tensors as training scripts do, beside what else these leave in their files."""
    file: dict[str, Any] = {}
    for name, tensor in tensors.items():
        outer, _, inner = name.partition('.')
        file.setdefault(outer, {})[inner] = tensor
    for name in ignored:
        file[name] = {'module.norm.weight': torch.ones(1)}
    file['opt'] = {'state': {0: {'exp_avg': torch.zeros(1)}}, 'param_groups': [{'lr': 5e-4}]}
    file['scaler'] = None
    file['epoch'] = 50
    return file


def _tensor(spec: Spec, generator: torch.Generator) -> Tensor:
    dtype = getattr(torch, spec.dtype)
    if spec.fill == 'zeros':
        return torch.zeros(spec.shape, dtype=dtype)
    if spec.fill == 'ones':
        return torch.ones(spec.shape, dtype=dtype)
    if spec.fill == 'key_mask':
        query, key, value = torch.ones(spec.shape, dtype=dtype).tensor_split(3)
        return torch.cat([query, torch.zeros_like(key), value])
    if spec.fill == 'periods':
        count = spec.shape[0]
        return 100.0 ** (torch.arange(count, dtype=dtype) / count)
    return torch.empty(spec.shape, dtype=dtype).normal_(0, WEIGHT_STD, generator=generator)
