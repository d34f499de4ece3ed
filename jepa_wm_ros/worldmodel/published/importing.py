"""From published files to a bundle: no tensor of the model is left empty, none of theirs over."""

from __future__ import annotations

import importlib.util
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

BESIDE_ENCODER = {'predictor': 'predictor of the pre-training'}
"""What files of encoders hold beside them, by the first part of the key."""


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
    ledger = _Ledger({name for name, _ in model.named_parameters()})
    state = read_checkpoint(checkpoint)
    weights: dict[str, Tensor] = {}
    apart = preset.encoder is not None or bool(preset.encoder_container)
    if apart:
        inside, state = _encoder_state(preset, state, encoder, ledger.report)
        source = str(encoder or checkpoint)
        weights = ledger.take_encoder(inside, preset.contract, wanted, source)
    reasons = {key: _left_out(key, preset.checkpoint.ignored) for key in state}
    ledger.report.ignored.update(reason for reason in reasons.values() if reason is not None)
    weights |= ledger.take(
        family_keys(preset.contract),
        {key: tensor for key, tensor in state.items() if reasons[key] is None},
        {k: v.shape for k, v in wanted.items() if not (apart and k.startswith(ENCODER))},
        str(checkpoint),
        _first_part,
    )
    return {name: weights[name].to(wanted[name].dtype) for name in wanted}, ledger.report


def split(
    state: Mapping[str, Tensor], container: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Divide a file's tensors into those under a key, without it, and the others."""
    prefix = f'{container}.'
    inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return inside, {k: v for k, v in state.items() if not k.startswith(prefix)}


def _encoder_state(
    preset: Preset, state: dict[str, Tensor], encoder: Path | None, report: ImportReport
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the encoder's published tensors, and what of the checkpoint is left for the rest.

    An encoder's file that lacks the key under which its weights are published is taken as what
    would be under it: so its state dict alone can be saved, to have a smaller file.
    """
    if encoder is None:
        inside, rest = split(state, preset.encoder_container)
        if not inside:
            raise CheckpointError(
                f'the checkpoint holds no {preset.encoder_container}: name its file with --encoder'
            )
        return inside, rest
    container = preset.encoder.container if preset.encoder else preset.encoder_container
    inside, beside = split(read_checkpoint(encoder), container)
    if not inside:
        inside, beside = beside, {}
    report.ignored.update(_reasons(beside, preset.encoder, str(encoder)))
    if preset.encoder_container:
        state = split(state, preset.encoder_container)[1]
    return inside, state


def family_keys(contract: Contract) -> KeyMap:
    """Return the map from the published keys of a family to ours.

    It is `KEYS` of the module `published/<family>.py`, or what its `key_map(contract)` returns.

    Raises:
        CheckpointError: There is no such module.
    """
    name = f'{__package__}.{contract.family}'
    if importlib.util.find_spec(name) is None:
        raise CheckpointError(
            f'nobody knows the published keys of family {contract.family}: they belong into '
            f'{name.replace(".", "/")}.py'
        )
    module: Any = importlib.import_module(name)
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


def _left_out(key: str, ignored: Mapping[str, str]) -> str | None:
    """Return why a key of a file is left out; None where it may be needed."""
    for pattern, reason in TRAINING:
        if re.fullmatch(pattern, key):
            return reason
    return ignored.get(key.partition('.')[0])


def _reasons(state: Mapping[str, Tensor], file: PublishedFile | None, source: str) -> list[str]:
    """Return why each key beside an encoder is left out.

    Raises:
        CheckpointError: Nobody knows some of them.
    """
    ignored = BESIDE_ENCODER if file is None else {**BESIDE_ENCODER, **file.ignored}
    reasons = {key: _left_out(key, ignored) for key in state}
    strangers = [key for key, reason in reasons.items() if reason is None]
    if strangers:
        raise CheckpointError(
            f'{source} holds {len(strangers)} keys beside the encoder that nobody knows: '
            + ', '.join(strangers[:12])
        )
    return [reason for reason in reasons.values() if reason is not None]


def _where(file: PublishedFile) -> str:
    if file.terms:
        return f'{file.name}; {file.terms}'
    return f'{file.name} of {file.repo or file.url}'
