"""Encoders that come from elsewhere, and stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share

if TYPE_CHECKING:
    from torch import Tensor, nn

    from jepa_wm_ros.training.settings import EncoderTraining

PREFIX = 'encoder.'
NESTED = 'conv.'
"""Where a convolutional encoder stands inside that of families with many tokens a frame."""
FEATURES = 'features.'
"""Its layers before the embedding."""


class EncoderWeightsError(JepaWmError):
    """A bundle does not have the encoder that is wanted."""


def prepare_encoder(model: nn.Module, settings: EncoderTraining) -> None:
    """Give an encoder its first weights, and freeze it, as the settings say.

    Raises:
        BundleError: The bundle is missing or damaged.
        EncoderWeightsError: Its encoder has other tensors.
    """
    encoder = cast('nn.Module', model.encoder)
    if settings.bundle:
        encoder.load_state_dict(_weights(settings.bundle, encoder))
    if settings.frozen:
        encoder.requires_grad_(False)
        encoder.eval()


def bundle_folder(name: str) -> Path:
    """Return the folder of a bundle that is given by its path, or is shipped under that name."""
    path = Path(name)
    return share('models', name) if not path.is_dir() and path.name == name else path


def _weights(folder: str, encoder: nn.Module) -> dict[str, Tensor]:
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.encoders.conv import ConvMap

    source = cast('nn.Module', load_bundle(bundle_folder(folder))).state_dict()
    found = {k.removeprefix(PREFIX): v for k, v in source.items() if k.startswith(PREFIX)}
    wanted = encoder.state_dict()
    if isinstance(encoder, ConvMap):  # what comes after the feature map is not wanted
        found = {name.removeprefix(NESTED): value for name, value in found.items()}
        found = {name: value for name, value in found.items() if name.startswith(FEATURES)}
    elif all(name.startswith(NESTED) for name in wanted):
        found = {NESTED + name.removeprefix(NESTED): value for name, value in found.items()}
    else:
        found = {name.removeprefix(NESTED): value for name, value in found.items()}
    wrong = sorted(
        name
        for name in {*wanted, *found}
        if name not in wanted or name not in found or wanted[name].shape != found[name].shape
    )
    if wrong:
        raise EncoderWeightsError(
            f'training.encoder.bundle: {folder} has another encoder; these tensors differ: '
            f'{", ".join(wrong[:5])}{" …" if len(wrong) > 5 else ""}'
        )
    return found
