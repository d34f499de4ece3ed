"""Presets: for each published model its complete contract, and the files that hold its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.contract import Contract
from jepa_wm_ros.worldmodel.published.layouts import read_layout
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.published.layouts.layout import Layout

FOLDER = ('config', 'models')


class PresetError(JepaWmError):
    """There is no such preset, or its file is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file of weights that somebody publishes.

    Attributes:
        name: Its name.
        licence: SPDX identifier, or name, of its licence.
        layout: What it contains: `system` and its sizes, see `layouts`.
        parameters: Parameters that a model takes from it, by the first part of their keys
            (all of them under `all` for a flat file).
        repo: Hugging Face repository; empty where it is in none.
        url: Address elsewhere; empty for none.
        terms: What has to be done before it can be had, in words; empty where nothing.
        container: Key under which the weights lie that are used; empty for all of the file.
        ignored: Other keys at the top of the file that are knowingly left out, with the reason.
    """

    name: str
    licence: str
    layout: dict[str, Any]
    parameters: dict[str, int]
    repo: str = ''
    url: str = ''
    terms: str = ''
    container: str = ''
    ignored: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a file that nobody could find."""
        require(bool(self.repo or self.url or self.terms), 'one of repo, url and terms is needed')


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A published model.

    Attributes:
        contract: What a bundle of it promises.
        checkpoint: The file with its predictor.
        encoder: The file with its frozen encoder, where that is another one.
        encoder_container: Key of the encoder's weights inside the checkpoint, where it is the
            same file and the encoder is kept apart in it.
        source: The preset's file, for messages; filled in when it is read.
    """

    contract: Contract
    checkpoint: PublishedFile
    encoder: PublishedFile | None = None
    encoder_container: str = ''
    source: str = ''

    def __post_init__(self) -> None:
        """Check that the encoder comes from one place."""
        require(
            self.encoder is None or not self.encoder_container,
            'encoder and encoder_container exclude each other',
        )

    @property
    def name(self) -> str:
        """The preset's name, which is that of its contract."""
        return self.contract.name

    @property
    def files(self) -> dict[str, PublishedFile]:
        """The files by role, `checkpoint` and `encoder`."""
        files = {'checkpoint': self.checkpoint}
        return files if self.encoder is None else {**files, 'encoder': self.encoder}

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of the model by part."""
        counts = dict(self.checkpoint.parameters)
        if self.encoder is not None:
            counts['encoder'] = sum(self.encoder.parameters.values())
        return counts

    def layout(self, role: str) -> Layout:
        """Return what one of the files contains."""
        return read_layout(self.files[role].layout, self.source, f'{role}.layout')


def preset_names() -> list[str]:
    """List the presets that the package ships."""
    return sorted(path.stem for path in share(*FOLDER).glob('*.yaml'))


def load_preset(name: str) -> Preset:
    """Read a preset.

    Args:
        name: One of `preset_names`, or the path of a file of one's own (ending in .yaml).

    Raises:
        PresetError: There is no such preset, or its file is wrong; names file and key.
    """
    path = Path(name) if name.endswith(('.yaml', '.yml')) else _shipped(name)
    try:
        mapping = yaml.safe_load(path.read_text())
        if isinstance(mapping, dict) and 'source' in mapping:
            raise SchemaError(f'{path}: unknown key source')
        preset = read(Preset, {**mapping, 'source': str(path)} if mapping else mapping, path)
        for role in preset.files:
            preset.layout(role)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PresetError(f'{path}: not valid YAML: {error}') from error
    except OSError as error:
        raise PresetError(f'{path} cannot be read: {error.strerror}') from error
    except SchemaError as error:
        raise PresetError(str(error)) from error
    if preset.name != path.stem:
        raise PresetError(
            f'{path}: contract.name must be {path.stem}, as the file, got {preset.name}'
        )
    return preset


def _shipped(name: str) -> Path:
    if name not in preset_names():
        raise PresetError(f'there is no preset {name!r}; there are: {", ".join(preset_names())}')
    return share(*FOLDER, f'{name}.yaml')
