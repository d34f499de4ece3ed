"""Encoders that come from elsewhere, and stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.encoders.mask_pooling import MaskPoolEncoder
from jepa_wm_ros.worldmodel.encoders.slot_attention import SlotEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from jepa_wm_ros.training.loss_settings import EncoderTraining
    from jepa_wm_ros.training.settings import TrainingSettings

PREFIX = 'encoder.'
NESTED = 'conv.'
"""Where a convolutional encoder stands inside that of families with many tokens a frame."""
FEATURES = 'features.'
"""Its layers before the embedding."""


class EncoderWeightsError(JepaWmError):
    """A bundle does not have the encoder that is wanted."""


def prepare_encoder(model: nn.Module, settings: TrainingSettings) -> None:
    """Give encoders their first weights, and freeze them, as the settings say.

    Raises:
        BundleError: A bundle is missing or damaged.
        EncoderWeightsError: Its encoder has other tensors, or the model has no patch encoder.
    """
    for encoder, wanted in _encoders(model, settings):
        if wanted.bundle:
            encoder.load_state_dict(_weights(wanted.bundle, encoder))
        if wanted.frozen:
            encoder.requires_grad_(False)
    keep_still(model, settings)


def keep_still(model: nn.Module, settings: TrainingSettings) -> None:
    """Put frozen encoders into eval mode: their statistics stay, too."""
    for encoder, wanted in _encoders(model, settings):
        if wanted.frozen:
            encoder.eval()


def _encoders(
    model: nn.Module, settings: TrainingSettings
) -> list[tuple[nn.Module, EncoderTraining]]:
    """Return the encoders that the settings speak of, and what they say."""
    encoder = cast('nn.Module', model.encoder)
    found = [(encoder, settings.encoder)]
    patches = None if settings.slots is None else settings.slots.patches
    if patches is not None and (patches.frozen or patches.bundle):
        if not isinstance(encoder, MaskPoolEncoder | SlotEncoder):
            raise EncoderWeightsError(
                'training.slots.patches: the model has no patch encoder under its slots; '
                'architecture.encoder needs kind: slot_attention or mask_pooling'
            )
        found.append((encoder.features, patches))
    return found


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
            f'the encoder of bundle {folder} is another one; these tensors differ: '
            f'{", ".join(wrong[:5])}{" …" if len(wrong) > 5 else ""}'
        )
    return found
