"""Heads on disk: `heads/<name>.yaml` and `heads/<name>.safetensors` in a bundle's folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from jepa_wm_ros.worldmodel.bundle import WEIGHTS_FILE
from jepa_wm_ros.worldmodel.heads import FOLDER
from jepa_wm_ros.worldmodel.heads.decoder import Decoder, DecoderSettings
from jepa_wm_ros.worldmodel.heads.head import FORMAT_VERSION, HeadError, HeadRecord
from jepa_wm_ros.worldmodel.heads.probe import PositionProbe, ProbeSettings
from jepa_wm_ros.worldmodel.heads.reward import RewardHead, RewardSettings
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

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.heads.head import Head
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AnyHead = Decoder | PositionProbe | RewardHead
NETWORKS: dict[str, tuple[type[Any], type[Any]]] = {
    'decoder': (Decoder, DecoderSettings),
    'probe': (PositionProbe, ProbeSettings),
    'reward': (RewardHead, RewardSettings),
}
"""The network of each kind, and its settings."""
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]*')


def head_files(bundle_dir: Path | str, name: str) -> tuple[Path, Path]:
    """Return the paths of a head's record and weights.

    Raises:
        HeadError: The name cannot be that of a file.
    """
    if not _NAME.fullmatch(name):
        raise HeadError(f'the name of a head has letters, digits, _ and - only, got {name!r}')
    folder = Path(bundle_dir) / FOLDER
    return folder / f'{name}.yaml', folder / f'{name}.safetensors'


def head_names(bundle_dir: Path | str) -> tuple[str, ...]:
    """Return the names of a bundle's heads, in alphabetical order."""
    return tuple(sorted(path.stem for path in (Path(bundle_dir) / FOLDER).glob('*.yaml')))


def read_record(bundle_dir: Path | str, name: str) -> HeadRecord | None:
    """Read what a head is, without its weights; None where there is no such head.

    Raises:
        HeadError: One of its files is missing, or the record is wrong.
    """
    source, weights = head_files(bundle_dir, name)
    if not source.exists() and not weights.exists():
        return None
    for path in (source, weights):
        if not path.is_file():
            raise HeadError(f'{path} is missing: a head has {source.name} and {weights.name}')
    try:
        return read(HeadRecord, yaml.safe_load(source.read_text()), source)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HeadError(f'{source}: not valid YAML: {error}') from error
    except SchemaError as error:
        raise HeadError(str(error)) from error


def read_head(
    bundle_dir: Path | str, name: str, wanted: str, device: torch.device | str = 'cpu'
) -> AnyHead | None:
    """Load a head, in eval mode and without gradients; None where there is no such head.

    Args:
        bundle_dir: The bundle.
        name: Name of the head.
        wanted: Fingerprint of the weights of the model whose latents it will read.
        device: Where it goes.

    Raises:
        HeadError: A file is missing or damaged, or the head belongs to other weights.
    """
    record = read_record(bundle_dir, name)
    if record is None:
        return None
    source, path = head_files(bundle_dir, name)
    if record.fingerprint != wanted:
        raise HeadError(
            f'{source} belongs to {record.model}@{record.fingerprint}, the model is @{wanted}: '
            f'train it again with `jepa-wm head train {record.kind} --model {bundle_dir}`, '
            'or delete its two files'
        )
    if fingerprint(path) != record.weights:
        raise HeadError(
            f'{path} is not the file that {source.name} was written with (fingerprint '
            f'{fingerprint(path)} instead of {record.weights}): was one of them replaced?'
        )
    return _filled(_built(record, source), path).to(device)


def save_head(
    bundle_dir: Path | str,
    name: str,
    head: Head,
    contract: Contract,
    training: dict[str, Any],
    results: dict[str, Any],
) -> HeadRecord:
    """Write a head; each file is written beside and then renamed, the record last.

    Args:
        bundle_dir: The bundle of its model.
        name: Name of the head.
        head: The head.
        contract: Of the bundle, as it was loaded when the latents were made.
        training: What it was trained on, and how.
        results: What was measured.

    Raises:
        HeadError: The bundle's weights are no longer those of the contract.
    """
    now = fingerprint(Path(bundle_dir) / WEIGHTS_FILE)
    if now != contract.fingerprint:
        raise HeadError(
            f'{bundle_dir} has got other weights meanwhile ({now} instead of '
            f'{contract.fingerprint}): train the head again'
        )
    source, path = head_files(bundle_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + '.partial')
    write_weights(partial, head.state_dict())
    os.replace(partial, path)
    record = HeadRecord(
        format_version=FORMAT_VERSION,
        kind=head.kind,
        model=contract.name,
        fingerprint=contract.fingerprint,
        weights=fingerprint(path),
        latent=head.latent,
        settings=plain(cast('Any', head).settings),
        training=training,
        results=results,
    )
    partial = source.with_name(source.name + '.partial')
    text = yaml.safe_dump(plain(record), sort_keys=False, default_flow_style=None, width=99)
    partial.write_text(text)
    os.replace(partial, source)
    return record


def device_of(model: WorldModel) -> torch.device:
    """Return the device that a model's weights are on."""
    return next(cast('nn.Module', model).parameters()).device


def _built(record: HeadRecord, source: Path) -> AnyHead:
    network, settings = NETWORKS[record.kind]
    try:
        head: AnyHead = network(record.latent, read(settings, record.settings, source, 'settings'))
    except (SchemaError, ValueError) as error:
        raise HeadError(str(error)) from error
    return head


def _filled(head: AnyHead, path: Path) -> AnyHead:
    wanted = head.state_dict()
    try:
        problems = differences({e.name: e.shape for e in read_entries(path)}, wanted)
        if problems:
            raise HeadError(f'{path} does not fit its record: {"; ".join(problems)}')
        weights = dict(read_weights(path, 'cpu', {n: t.dtype for n, t in wanted.items()}))
    except WeightsError as error:
        raise HeadError(str(error)) from error
    bad = not_finite(weights)
    if bad:
        raise HeadError(f'{path}: these hold values that are not finite: {", ".join(bad)}')
    head.load_state_dict(weights)
    head.eval().requires_grad_(False)
    return head
