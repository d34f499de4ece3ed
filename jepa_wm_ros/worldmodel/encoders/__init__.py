"""Encoders: pictures to tokens, one file for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import CameraContract
    from jepa_wm_ros.worldmodel.encoders.conv import ConvFrames, ConvMap
    from jepa_wm_ros.worldmodel.encoders.conv_patches import ConvPatches
    from jepa_wm_ros.worldmodel.encoders.frames import FrameEncoder
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

    AnyEncoder: TypeAlias = FrameEncoder | ConvFrames | ConvMap | ConvPatches

KINDS = ('conv', 'conv_map', 'conv_patches', 'vit')


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


def encoder_from(
    mapping: Mapping[str, Any], source: Path | str, key: str = 'architecture.encoder'
) -> AnyEncoder:
    """Build the encoder of a contract, of any kind, with random weights.

    Args:
        mapping: `kind: conv` with the settings of `ConvEncoderSettings`, one token a frame;
            `kind: conv_map` with the same, a token for each place of its last feature map;
            `kind: conv_patches` with those of `ConvPatchSettings`, a token a patch; or
            `kind: vit`, which need not be said, with what `read_encoder` takes.
        source: The file, for the messages.
        key: The dotted key of the mapping in the file, for the messages.

    Raises:
        SchemaError: The kind is unknown, or a setting is unknown, missing or wrong.
    """
    from jepa_wm_ros.worldmodel.schema import SchemaError, read

    if not isinstance(mapping, dict) or mapping.get('kind', 'vit') not in KINDS:
        raise SchemaError(
            f'{source}: {key}.kind must be one of {", ".join(KINDS)}, got {mapping!r}'
        )
    settings = {name: value for name, value in mapping.items() if name != 'kind'}
    if mapping.get('kind') in ('conv', 'conv_map'):
        from jepa_wm_ros.worldmodel.encoders.conv import ConvEncoderSettings, ConvFrames, ConvMap

        kind = ConvFrames if mapping['kind'] == 'conv' else ConvMap
        return kind(read(ConvEncoderSettings, settings, source, key))
    if mapping.get('kind') == 'conv_patches':
        from jepa_wm_ros.worldmodel.encoders.conv_patches import ConvPatches, ConvPatchSettings

        return ConvPatches(read(ConvPatchSettings, settings, source, key))
    return build_encoder(read_encoder(settings, source, key))


def token_grid(encoder: AnyEncoder, camera: CameraContract, source: Path | str) -> tuple[int, int]:
    """Return rows and columns of the tokens that an encoder makes of a contract's pictures.

    Raises:
        SchemaError: The encoder cannot take pictures of that size.
    """
    from jepa_wm_ros.worldmodel.encoders.vit import EncoderError
    from jepa_wm_ros.worldmodel.schema import SchemaError

    side = camera.second_size
    try:
        return encoder.grid(side or camera.height, side or camera.width)
    except EncoderError as error:
        raise SchemaError(
            f'{source}: camera does not fit architecture.encoder: {error}'
        ) from error
