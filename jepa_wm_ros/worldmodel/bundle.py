"""A bundle: a folder with one model (`model.safetensors`) and its contract (`model.yaml`)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.contract import ACTION_FIELDS, Contract
from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read
from jepa_wm_ros.worldmodel.weights import (
    WeightsError,
    differences,
    fingerprint,
    not_finite,
    read_entries,
    read_weights,
    write_weights,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

    from jepa_wm_ros.worldmodel.protocol import WorldModel

CONTRACT_FILE = 'model.yaml'
WEIGHTS_FILE = 'model.safetensors'
COMPUTED = ('fingerprint', 'folder')
"""Fields of a contract that are found when a bundle is loaded, and never written."""


class BundleError(JepaWmError):
    """A bundle is missing, damaged or not what its contract says."""


def load_contract(folder: Path | str) -> Contract:
    """Read and check a bundle's contract, with the fingerprint of its weights (without torch).

    Raises:
        BundleError: The folder or a file is missing, or the contract is wrong; names file and key.
    """
    contract = read_contract(folder)
    return dataclasses.replace(contract, fingerprint=fingerprint(Path(folder) / WEIGHTS_FILE))


def read_contract(folder: Path | str) -> Contract:
    """Read and check a bundle's contract only; the weights, which may be large, are not read.

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
        for key in COMPUTED:
            if isinstance(mapping, dict) and key in mapping:
                raise SchemaError(f'{source}: unknown key {key} (computed, never written)')
        contract = read(Contract, mapping, source)
    except SchemaError as error:
        raise BundleError(str(error)) from error
    return dataclasses.replace(contract, folder=str(folder))


def check_cartesian(contract: Contract, source: Path | str) -> None:
    """Refuse a model whose actions are not those of a robot arm.

    Args:
        contract: The model's.
        source: The bundle, for the message.

    Raises:
        BundleError: Its actions are other fields, or several controls at once.
    """
    action = contract.action
    if not action.is_cartesian:
        raise BundleError(
            f'{source}: {contract.name} is a model of another world and cannot move this arm: an '
            f'action is {action.frame_skip} x {", ".join(action.fields)}; the arm takes '
            f'{", ".join(ACTION_FIELDS)}, one at a time'
        )


def load_bundle(folder: Path | str, device: torch.device | str = 'cpu') -> WorldModel:
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
    from jepa_wm_ros.worldmodel.building import build_empty, fill

    folder = Path(folder)
    contract = load_contract(folder)
    path = folder / WEIGHTS_FILE
    try:
        model = build_empty(contract, folder / CONTRACT_FILE)
        wanted = model.state_dict()
        problems = differences({e.name: e.shape for e in read_entries(path)}, wanted)
        if problems:
            raise BundleError(f'{path} does not fit its contract: {"; ".join(problems)}')
        dtypes = {name: tensor.dtype for name, tensor in wanted.items()}
        weights = dict(read_weights(path, device, dtypes))
    except (SchemaError, WeightsError) as error:
        raise BundleError(str(error)) from error
    bad = not_finite(weights)
    if bad:
        raise BundleError(f'{path}: these hold values that are not finite: {", ".join(bad)}')
    return cast('WorldModel', fill(model, weights))


def save_bundle(folder: Path | str, model: nn.Module, contract: Contract) -> Path:
    """Write a bundle; each file is written beside and then renamed, the contract last.

    Args:
        folder: Made when it is missing.
        model: Its state dict is what is kept.
        contract: Written without what is found by loading.

    Returns:
        The folder.

    Raises:
        BundleError: There is a file of that name.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise BundleError(f'{folder} is a file; a bundle is a folder')
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f'{WEIGHTS_FILE}.partial'
    try:
        write_weights(partial, model.state_dict())
        os.replace(partial, folder / WEIGHTS_FILE)
    finally:
        partial.unlink(missing_ok=True)
    mapping = plain(contract)
    for key in COMPUTED:
        del mapping[key]
    partial = folder / f'{CONTRACT_FILE}.partial'
    partial.write_text(yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, width=99))
    os.replace(partial, folder / CONTRACT_FILE)
    return folder
