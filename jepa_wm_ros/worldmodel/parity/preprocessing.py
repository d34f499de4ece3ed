"""Recompute the recorded reference cases of preprocessing; see `parity`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.camera import prepare
from jepa_wm_ros.worldmodel.contract import CameraContract

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def imagenet(size: int, **changes: object) -> CameraContract:
    """Return the contract of a square picture of `size` px, normalised as ImageNet is."""
    camera = CameraContract(
        width=size, height=size, resize='bilinear', mean=IMAGENET_MEAN, std=IMAGENET_STD
    )
    return dataclasses.replace(camera, **changes)  # type: ignore[arg-type]


def run_jepa_wm(case: Case) -> dict[str, Tensor]:
    """Recompute what encoders of jepa-wms take; their training crop is that of evaluation."""
    half = (0.5, 0.5, 0.5)
    size = case.config['size']
    cameras = {'imagenet': imagenet(size), 'half': imagenet(size, mean=half, std=half)}
    return _each(
        case,
        {
            f'jepawm_{name}_{use}': camera
            for name, camera in cameras.items()
            for use in ('eval', 'train')
        },
    )


def run_vjepa2(case: Case) -> dict[str, Tensor]:
    """Recompute the picture of the notebook and that of training on DROID."""
    size = case.config['size']
    return _each(
        case,
        {
            'notebook': imagenet(size, white=255.0),
            'train_fallback': imagenet(size, white=255.0, crop='center_aspect'),
        },
    )


def run_dino_wm(case: Case) -> dict[str, Tensor]:
    """Recompute the picture of original DINO-WM's data sets, and its encoder's input."""
    size = case.config['size']
    camera = CameraContract(
        width=size, height=size, order='resize_crop', resize='bilinear_antialias'
    )
    again = dataclasses.replace(camera, second_size=size // 16 * 14)
    return _each(case, {'transformed': camera, 'encoder_input': again})


def _each(case: Case, cameras: dict[str, CameraContract]) -> dict[str, Tensor]:
    return {
        f'{name}/{picture.removeprefix("image_")}': prepare(value.numpy(), camera)
        for name, camera in cameras.items()
        for picture, value in case.inputs.items()
        if picture.startswith('image_')
    }
