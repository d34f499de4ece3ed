"""Teaching a decoder: from latents to the pictures that they were made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn.functional import interpolate, l1_loss, mse_loss

from jepa_wm_ros.planning.region import grid_shape
from jepa_wm_ros.training.heads.material import Material, predicted
from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
from jepa_wm_ros.worldmodel.heads.decoder import SCALE, Decoder, DecoderSettings
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from jepa_wm_ros.training.heads.settings import HeadTraining
    from jepa_wm_ros.worldmodel.contract import CameraContract
    from jepa_wm_ros.worldmodel.protocol import WorldModel

LARGEST = 128
"""Longest side of a decoded picture [px]."""
HORIZON = 5
CHUNK = 256


class DecoderTask:
    """Mean absolute and squared error of pictures."""

    solved = False

    def __init__(self, material: Material, training: HeadTraining) -> None:
        """Build a decoder that suits the model, and let it begin at the average picture."""
        self.material, self.training = material, training
        torch.manual_seed(training.seed)
        self.head = Decoder(material.latent, decoder_settings(material.model))
        some = material.training[:: max(1, len(material.training) // 1000)]
        self.average = self._pictures(some).mean(0)
        self.head.begin_at(self.average)
        self.head.to(material.device)

    def loss(self, step: int) -> Tensor:
        """Return the error of a batch of pictures."""
        rows = self.material.draw(self.training.seed, step, self.training.batch)
        wanted = self._pictures(rows).to(self.material.device)
        painted = self.head(self.material.latents(rows))
        return l1_loss(painted, wanted) + mse_loss(painted, wanted)

    def results(self) -> dict[str, Any]:
        """Return `decoder_results`, beside those of the average picture."""
        flat = _squared(self.average.expand(1, -1, -1, -1), self.head, self.material)
        return {
            **decoder_results(self.head, self.material),
            'average_picture_psnr_db': decibel(flat),
        }

    def _pictures(self, rows: NDArray[np.int64]) -> Tensor:
        return pictures_of(self.material, rows, self.head)


@torch.inference_mode()
def decoder_results(decoder: Decoder, material: Material) -> dict[str, Any]:
    """Return peak signal-to-noise ratios [dB] of the held-out episodes' frames.

    `psnr_db` is of frames that the model sees, `open_loop_psnr_db` of frames that it predicts
    1 to `HORIZON` steps ahead.
    """
    errors = []
    for episode in material.held_out:
        if int(material.table.length[episode]) > HORIZON:
            painted = decoder.decode(Latent(predicted(material, int(episode), HORIZON))).cpu()
            rows = material.table.offset[episode] + 1 + np.arange(HORIZON)
            error = painted - pictures_of(material, rows, decoder)
            errors.append(error.square().mean((1, 2, 3)))
    ahead = torch.stack(errors).mean(0).tolist() if errors else []
    return {
        'psnr_db': decibel(_squared(None, decoder, material)),
        'open_loop_psnr_db': [decibel(error) for error in ahead],
    }


@torch.inference_mode()
def _squared(picture: Tensor | None, decoder: Decoder, material: Material) -> float:
    """Return the mean squared error of one picture, or of what is decoded, on held-out frames."""
    rows, error = material.testing, 0.0
    for first in range(0, len(rows), CHUNK):
        chunk = rows[first : first + CHUNK]
        wanted = pictures_of(material, chunk, decoder)
        painted = decoder(material.latents(chunk)).cpu() if picture is None else picture
        error += float((painted - wanted).square().mean()) * len(chunk) / len(rows)
    return error


def pictures_of(material: Material, rows: NDArray[np.int64], decoder: Decoder) -> Tensor:
    """Return frames `(B, 3, h, w)` in [0, 1], in the size that a decoder paints."""
    settings = decoder.settings
    return fitted(material.table.pixels[rows], settings.height, settings.width)


def decoder_settings(model: WorldModel) -> DecoderSettings:
    """Return the shape of a decoder for a model's latents."""
    camera = model.contract.camera
    height, width = picture_size(camera)
    if isinstance(model, SlotWorldModel):
        return DecoderSettings(layout='slots', height=height, width=width)
    tokens = token_count(model)
    if tokens == 1:
        return DecoderSettings(layout='flat', height=height, width=width)
    grid = grid_shape(tokens, camera.width / camera.height)
    return DecoderSettings(layout='grid', height=height, width=width, grid=grid)


@torch.inference_mode()
def token_count(model: WorldModel) -> int:
    """Return the tokens of a frame, by encoding a grey one."""
    camera = model.contract.camera
    side = camera.second_size
    size = (side, side) if side else (camera.height, camera.width)
    weight = next(cast('nn.Module', model).parameters())
    return model.encode(torch.zeros(1, 1, 3, *size, device=weight.device)).tokens.shape[-2]


def picture_size(camera: CameraContract) -> tuple[int, int]:
    """Return height and width of decoded pictures [px]: the camera's, at most `LARGEST`."""
    scale = min(1.0, LARGEST / max(camera.height, camera.width))
    height, width = (
        max(SCALE, SCALE * round(scale * side / SCALE)) for side in (camera.height, camera.width)
    )
    return height, width


def fitted(pixels: NDArray[np.uint8], height: int, width: int) -> Tensor:
    """Return pictures `(B, 3, height, width)` in [0, 1] of `(B, h, w, 3)` uint8."""
    pictures = torch.from_numpy(np.ascontiguousarray(pixels)).movedim(-1, 1).float() / 255
    if pictures.shape[-2:] == (height, width):
        return pictures
    return interpolate(pictures, size=(height, width), mode='area')


def decibel(error: float) -> float:
    """Return the peak signal-to-noise ratio [dB] of a mean squared error of values in [0, 1]."""
    return round(-10 * math.log10(max(error, 1e-12)), 2)
