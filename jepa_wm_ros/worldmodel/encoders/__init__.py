"""Encoders: pictures to tokens, one file for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jepa_wm_ros.worldmodel.encoders.frames import FrameEncoder
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings


def read_encoder(
    mapping: Mapping[str, Any], source: Path | str, key: str = 'architecture.encoder'
) -> EncoderSettings:
    """Read an encoder's settings from a contract.

    Args:
        mapping: `name` of a preset, and settings that differ from it; without a name, all of the
            settings that have no default.
        source: The file, for the messages.
        key: The dotted key of the mapping in the file, for the messages.

    Raises:
        SchemaError: The name is unknown, or a setting is unknown, missing or wrong.
    """
    from jepa_wm_ros.worldmodel.encoders.presets import PRESETS
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
    from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read

    if not isinstance(mapping, dict):
        raise SchemaError(f'{source}: {key} must be a mapping, got {mapping!r}')
    settings = dict(mapping)
    name = settings.pop('name', None)
    if name is not None:
        if name not in PRESETS:
            known = ', '.join(PRESETS)
            raise SchemaError(f'{source}: {key}.name must be one of {known}, got {name!r}')
        settings = {**plain(PRESETS[name]), **settings}
    return read(EncoderSettings, settings, source, key)


def build_encoder(settings: EncoderSettings) -> FrameEncoder:
    """Build an encoder with random weights."""
    from jepa_wm_ros.worldmodel.encoders.frames import FrameEncoder

    return FrameEncoder(settings)
