"""Pictures become the encoder's input by one path, and what is no picture is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jepa_wm_ros.worldmodel.camera import PictureError, check_picture, fit_picture, normalise
from jepa_wm_ros.worldmodel.contract import CameraContract

CAMERA = CameraContract(width=8, height=8)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_the_centre_square_is_kept() -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:, 35:125] = 200
    assert (fit_picture(picture, CAMERA) == 200).all()


def test_shrinking_averages_over_areas() -> None:
    picture = noise(16, 16, 3)
    blocks = picture.reshape(8, 2, 8, 2, 3).astype(float).mean((1, 3))
    assert np.abs(fit_picture(picture, CAMERA) - blocks).max() <= 0.51


def test_normalisation_is_that_of_the_contract() -> None:
    camera = CameraContract(width=2, height=2, mean=(0.5, 0.0, 1.0), std=(0.5, 1.0, 2.0))
    picture = torch.full((2, 2, 3), 255, dtype=torch.uint8)
    assert normalise(picture, camera)[:, 0, 0].tolist() == [1.0, 1.0, 0.0]


def test_colours_are_turned_where_the_contract_says_bgr() -> None:
    picture = torch.zeros(2, 2, 3, dtype=torch.uint8)
    picture[..., 0] = 255
    camera = CameraContract(width=2, height=2, colour='bgr')
    assert normalise(picture, camera)[:, 0, 0].tolist() == [-1.0, -1.0, 1.0]


@pytest.mark.parametrize(
    ('picture', 'words'),
    [
        (noise(16, 16, 3).astype(np.float32), 'uint8'),
        (noise(16, 16), 'shape'),
        (noise(16, 16, 4), 'shape'),
        (noise(4, 16, 3), 'needs at least 8x8'),
        (np.zeros((16, 16, 3), np.uint8), 'shows nothing'),
        (np.full((16, 16, 3), 255, np.uint8), 'shows nothing'),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        check_picture(picture, CAMERA)


def test_a_picture_passes() -> None:
    check_picture(noise(16, 16, 3), CAMERA)
