"""Random changes of brightness, contrast and colours of training pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.settings import TrainingSettings
    from jepa_wm_ros.worldmodel.contract import CameraContract


def jittered(
    images: Tensor,
    camera: CameraContract,
    settings: TrainingSettings,
    generator: torch.Generator,
    *,
    clips: int,
    part: slice,
) -> Tensor:
    """Change brightness, contrast and colours of each frame at random.

    Colours are mixed by a random matrix near the identity, which shows the encoder hues that
    nobody recorded.

    Args:
        images: `(B, T, 3, h, w)` normalised.
        camera: Their normalisation.
        settings: How much of what.
        generator: Draws for all clips of the step, whatever the process's part is.
        clips: How many they are.
        part: Which of them are in `images`.
    """
    frames = images.shape[1]

    def uniform(*shape: int) -> Tensor:
        drawn = 2 * torch.rand(clips, frames, *shape, generator=generator) - 1
        return drawn[part]

    mix = torch.eye(3) + settings.colour * uniform(3, 3)
    mix = mix * (1 + settings.contrast * uniform(1, 1))
    # A shift by the full range is 1 / std of the normalised picture.
    shift = settings.brightness / float(np.mean(camera.std)) * uniform(1, 1)
    return torch.baddbmm(
        shift.flatten(0, 1), mix.flatten(0, 1), images.flatten(0, 1).flatten(2)
    ).view_as(images)
