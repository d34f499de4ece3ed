"""A bundle: a folder with one model (`model.safetensors`) and its contract (`model.yaml`)."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.contract import Contract
from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel

CONTRACT_FILE = 'model.yaml'
WEIGHTS_FILE = 'model.safetensors'


class BundleError(JepaWmError):
    """A bundle is missing, damaged or not what its contract says."""


def load_contract(folder: Path | str) -> Contract:
    """Read and check a bundle's contract, without its weights (and without torch).

    Raises:
        BundleError: The folder or a file is missing, or the contract is wrong; names file and key.
    """
    folder = Path(folder)
    source = folder / CONTRACT_FILE
    weights = folder / WEIGHTS_FILE
    for path in (source, weights):
        if not path.is_file():
            raise BundleError(
                f'{path} is missing: a bundle is a folder with {CONTRACT_FILE} and {WEIGHTS_FILE}'
            )
    try:
        mapping = yaml.safe_load(source.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BundleError(f'{source}: not valid YAML: {error}') from error
    try:
        if isinstance(mapping, dict) and 'fingerprint' in mapping:
            raise SchemaError(f'{source}: unknown key fingerprint (computed, never written)')
        contract = read(Contract, mapping, source)
    except SchemaError as error:
        raise BundleError(str(error)) from error
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    return dataclasses.replace(contract, fingerprint=digest)


def load_bundle(folder: Path | str, device: torch.device | str = 'cpu') -> LeWorldModel:
    """Load a model for inference.

    Args:
        folder: The bundle.
        device: Where the weights go.

    Returns:
        The model in eval mode, without gradients.

    Raises:
        BundleError: A file is missing or damaged, a key of the contract is wrong, or the weights
            are not those of the contract's architecture (every key is named).
    """
    from safetensors.torch import load_file

    from jepa_wm_ros.worldmodel.families import build

    folder = Path(folder)
    contract = load_contract(folder)
    try:
        model = build(contract, folder / CONTRACT_FILE)
    except SchemaError as error:
        raise BundleError(str(error)) from error
    path = folder / WEIGHTS_FILE
    try:
        weights = load_file(path)
    except Exception as error:  # safetensors has no public base class of its errors
        raise BundleError(f'{path}: damaged or not a safetensors file: {error}') from error
    _check_weights(model, weights, path)
    model.load_state_dict(weights)
    return model.to(device).eval().requires_grad_(False)


def save_bundle(folder: Path | str, model: nn.Module, contract: Contract) -> Path:
    """Write a bundle; each file is written beside and then renamed, the contract last.

    Args:
        folder: Made when it is missing.
        model: Its state dict is what is kept.
        contract: Written without its fingerprint.

    Returns:
        The folder.
    """
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    partial = folder / f'{WEIGHTS_FILE}.partial'
    partial.write_bytes(save(tensors))
    os.replace(partial, folder / WEIGHTS_FILE)
    mapping = plain(contract)
    del mapping['fingerprint']
    partial = folder / f'{CONTRACT_FILE}.partial'
    partial.write_text(yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, width=99))
    os.replace(partial, folder / CONTRACT_FILE)
    return folder


def _check_weights(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    wanted = model.state_dict()
    problems = [f'missing {name}' for name in sorted(set(wanted) - set(weights))]
    problems += [f'unexpected {name}' for name in sorted(set(weights) - set(wanted))]
    problems += [
        f'{name} has shape {tuple(weights[name].shape)}, the contract asks for '
        f'{tuple(wanted[name].shape)}'
        for name in sorted(set(weights) & set(wanted))
        if weights[name].shape != wanted[name].shape
    ]
    problems += [
        f'{name} holds values that are not finite'
        for name in sorted(set(weights) & set(wanted))
        if weights[name].is_floating_point() and not bool(weights[name].isfinite().all())
    ]
    if problems:
        raise BundleError(f'{path} does not fit its contract: ' + '; '.join(problems))
