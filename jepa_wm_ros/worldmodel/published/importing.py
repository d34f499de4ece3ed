"""From published files to a bundle: no tensor of the model is left empty, none of theirs over."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.worldmodel.building import build_empty, fill
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.published.files import read_checkpoint
from jepa_wm_ros.worldmodel.published.ledger import CheckpointError, KeyMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.published.presets import Preset, PublishedFile

ENCODER = 'encoder.'
"""What the keys of a frozen encoder begin with in our models."""

TRAINING = (
    (r'(opt|.*optimi[sz]er.*|scheduler|scaler)(\..*)?', 'state of the optimiser'),
    (r'(epoch|step|loss|batch_size|world_size|lr)(\..*)?', 'state of the training'),
    (r'target_encoder\..*', 'moving average of the encoder'),
    (r'decoder\..*', 'draws pictures from latents'),
)
"""What training leaves in checkpoints beside the model, as (pattern of keys, reason)."""


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        parameters: Parameters that the model has from the files, by part; see `Preset.parameters`.
        ignored: Reason -> number of keys that were left out for it.
    """

    parameters: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)


def import_checkpoint(
    preset: Preset, checkpoint: Path, encoder: Path | None, out: Path
) -> ImportReport:
    """Make a bundle of published files.

    Args:
        preset: What they are.
        checkpoint: The file with the predictor.
        encoder: The file with the frozen encoder, where the preset has it apart.
        out: Folder of the bundle.

    Returns:
        What was taken from them, and what was left out.

    Raises:
        CheckpointError: A file cannot be read, or does not hold exactly the model's weights.
        SchemaError: The preset's architecture is wrong.
    """
    if preset.encoder is not None and encoder is None:
        raise CheckpointError(
            f'{preset.name} needs its encoder, too: name the file with --encoder '
            f'({_where(preset.encoder)})'
        )
    if encoder is not None and preset.encoder is None and not preset.encoder_container:
        raise CheckpointError(f'{preset.name} takes no file of an encoder: leave --encoder out')
    model = build_empty(preset.contract, preset.source)
    weights, report = gather(preset, model, checkpoint, encoder)
    save_bundle(out, fill(model, weights), preset.contract)
    return report


def gather(
    preset: Preset, model: nn.Module, checkpoint: Path, encoder: Path | None
) -> tuple[dict[str, Tensor], ImportReport]:
    """Collect a model's weights from published files, mapped to them where nothing changes.

    Args:
        preset: What the files are.
        model: Has the names, shapes and types; see `build_empty`.
        checkpoint: The file with the predictor.
        encoder: The file with the frozen encoder; None where the checkpoint has it.

    Raises:
        CheckpointError: A file cannot be read, or does not hold exactly the model's weights.
    """
    wanted = model.state_dict()
    state = read_checkpoint(checkpoint)
    source = str(checkpoint)
    if preset.encoder_container:
        inside, state = split(state, preset.encoder_container)
    elif preset.encoder is not None and encoder is not None:
        inside, rest = split(read_checkpoint(encoder), preset.encoder.container)
        _refuse(rest, preset.encoder, str(encoder))
    else:
        inside = {}
    apart = bool(preset.encoder_container or preset.encoder)
    ledger = _Ledger({name for name, _ in model.named_parameters()})
    weights = {}
    if apart:
        weights = ledger.take_encoder(inside, preset.contract, wanted, str(encoder or source))
    others = {k: v.shape for k, v in wanted.items() if not (apart and k.startswith(ENCODER))}
    known = {k: v for k, v in state.items() if not _left_out(k, preset.checkpoint)}
    ledger.report.ignored.update(
        filter(None, (_left_out(key, preset.checkpoint) for key in state))
    )
    weights |= ledger.take(family_keys(preset.contract), known, others, source, _first_part)
    return {name: weights[name].to(wanted[name].dtype) for name in wanted}, ledger.report


def split(
    state: Mapping[str, Tensor], container: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Divide a file's tensors into those under a key, without it, and the others.

    A file that lacks the key altogether is taken as what would be under it: so the state dict
    alone can be saved, to have a smaller file.
    """
    prefix = f'{container}.'
    if not container or not any(key.startswith(prefix) for key in state):
        return dict(state), {}
    inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return inside, {k: v for k, v in state.items() if not k.startswith(prefix)}


def family_keys(contract: Contract) -> KeyMap:
    """Return the map from the published keys of a family to ours.

    It is `KEYS` of the module `published/<family>.py`, or what its `key_map(contract)` returns.
    """
    module: Any = importlib.import_module(f'{__package__}.{contract.family}')
    keys: KeyMap = module.key_map(contract) if hasattr(module, 'key_map') else module.KEYS
    return keys


class _Ledger:
    """Converts the parts of a model and counts what they use."""

    def __init__(self, parameters: set[str]) -> None:
        self.report = ImportReport()
        self._parameters = parameters

    def take(
        self,
        keys: KeyMap,
        state: Mapping[str, Tensor],
        wanted: Mapping[str, torch.Size],
        source: str,
        part: Callable[[str], str],
        prefix: str = '',
    ) -> dict[str, Tensor]:
        """Convert one part; `part` says from a published key under which name to count it."""
        converted = keys.convert(state, wanted, source)
        account = keys.account(state)
        self.report.ignored.update(account.ignored.values())
        for target, entries in account.used.items():
            if prefix + target in self._parameters:
                name = part(next(iter(entries.values()))[0])
                self.report.parameters[name] += converted[target].numel()
        return {prefix + target: tensor for target, tensor in converted.items()}

    def take_encoder(
        self,
        state: Mapping[str, Tensor],
        contract: Contract,
        wanted: Mapping[str, Tensor],
        source: str,
    ) -> dict[str, Tensor]:
        """Convert the frozen encoder."""
        from jepa_wm_ros.worldmodel.encoders import read_encoder
        from jepa_wm_ros.worldmodel.published.encoders import complete, encoder_map

        settings = read_encoder(contract.architecture['encoder'], source)
        shapes = {
            key.removeprefix(ENCODER): tensor.shape
            for key, tensor in wanted.items()
            if key.startswith(ENCODER)
        }
        return self.take(
            encoder_map(settings),
            complete(state, settings),
            shapes,
            source,
            lambda key: 'encoder',
            ENCODER,
        )


def _first_part(key: str) -> str:
    head, _, rest = key.partition('.')
    return head if rest else 'all'


def _left_out(key: str, file: PublishedFile) -> str | None:
    """Return why a key of a file is left out; None where it may be needed."""
    for pattern, reason in TRAINING:
        if re.fullmatch(pattern, key):
            return reason
    return file.ignored.get(key.partition('.')[0])


def _refuse(rest: Mapping[str, Tensor], file: PublishedFile, source: str) -> None:
    strangers = [key for key in rest if _left_out(key, file) is None]
    if strangers:
        raise CheckpointError(
            f'{source} holds {len(strangers)} keys beside {file.container} that nobody knows: '
            + ', '.join(strangers[:12])
        )


def _where(file: PublishedFile) -> str:
    if file.terms:
        return f'{file.name}; {file.terms}'
    return f'{file.name} of {file.repo or file.url}'
