"""Pictures become the encoder's input by one path, and what is no picture is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from jepa_wm_ros.worldmodel.camera import (
    PictureError,
    check_picture,
    fit_picture,
    normalise,
    prepare,
)
from jepa_wm_ros.worldmodel.contract import COLOURS, ORDERS, RESIZES, CameraContract
from jepa_wm_ros.worldmodel.framing import (
    covering_size,
    window_after_resize,
    window_before_resize,
)

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


def camera(size: int = 8, **changes) -> CameraContract:
    return dataclasses.replace(CAMERA, width=size, height=size, resize='bilinear', **changes)


@pytest.mark.parametrize(
    ('size', 'kept'),
    [
        ((720, 1280), (720, 972)),  # 1.35 : 1, what V-JEPA 2-AC saw of DROID's cameras
        ((1280, 720), (960, 720)),  # 3 : 4
        ((480, 640), (480, 640)),
        ((90, 91), (90, 91)),
        ((50, 100), (50, 68)),  # 67.5, half to even
        ((100, 50), (67, 50)),  # at 16.5 from the top: 16
        ((51, 100), (51, 69)),  # at 15.5 from the left: 15
    ],
)
def test_the_aspect_is_limited_by_cutting_as_little_as_possible(size, kept) -> None:
    rows, columns = window_before_resize(size, camera(crop='center_aspect'))
    assert (rows.stop - rows.start, columns.stop - columns.start) == kept
    assert rows.start == (size[0] - kept[0]) // 2
    assert columns.start == (size[1] - kept[1]) // 2


def test_bilinear_without_antialias_looks_at_two_pixels_a_side() -> None:
    """A picture shrunk to a fourth: each pixel is the mean of the middle four of sixteen."""
    picture = noise(32, 32, 3)
    middle = picture.reshape(8, 4, 8, 4, 3)[:, 1:3, :, 1:3].astype(float).mean((1, 3)) / 255
    plain = camera(mean=(0.0,) * 3, std=(1.0,) * 3)
    assert np.allclose(prepare(picture, plain).movedim(0, -1).numpy(), middle, atol=1e-6)


def test_an_antialiased_kernel_looks_at_all_of_them() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[::4] = 255  # rows that bilinear shrinking without antialias never meets
    plain = camera(mean=(0.0,) * 3, std=(1.0,) * 3)
    assert float(prepare(picture, plain).max()) == 0.0
    smooth = prepare(picture, dataclasses.replace(plain, resize='bilinear_antialias'))
    assert float(smooth.mean()) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize('resize', [name for name in RESIZES if name != 'area'])
def test_a_ramp_stays_a_ramp(resize) -> None:
    """Every kernel reproduces what is linear in the column, away from the borders."""
    ramp = np.repeat(np.arange(0, 240, 5, dtype=np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    values = prepare(ramp, dataclasses.replace(camera(12), resize=resize))
    steps = values[:, :, 3:-3].diff(dim=2) * 0.5 * 255
    assert torch.allclose(steps, torch.tensor(20.0), atol=1e-2)


def test_resizing_before_the_crop_keeps_the_aspect_and_cuts_the_longer_side() -> None:
    landscape, portrait = noise(40, 90, 3), noise(90, 40, 3)
    first = camera(20, order='resize_crop')
    assert covering_size((40, 90), first) == (20, 45)
    assert covering_size((91, 40), first) == (45, 20)  # 45.5, down
    assert covering_size((40, 91), first) == (20, 45)
    assert window_after_resize((20, 45), first) == (slice(0, 20), slice(12, 32))  # 12.5: to even
    assert torch.allclose(
        prepare(landscape, first).transpose(1, 2),
        prepare(landscape.transpose(1, 0, 2).copy(), first),
        atol=1e-6,
    )
    assert prepare(portrait, first).shape == (3, 20, 20)


def test_white_moves_the_result_by_rounding_only() -> None:
    picture = noise(24, 40, 3)
    one, byte = prepare(picture, camera()), prepare(picture, camera(white=255.0))
    assert torch.allclose(one, byte, atol=1e-6)
    assert not torch.equal(one, byte)


def test_a_second_resize_follows_the_normalisation() -> None:
    picture = noise(24, 40, 3)
    twice = camera(second_size=6)
    expected = torch.nn.functional.interpolate(
        prepare(picture, camera())[None], (6, 6), mode='bilinear', antialias=True
    )[0]
    assert torch.equal(prepare(picture, twice), expected)
    stored = torch.from_numpy(fit_picture(picture, twice))
    assert stored.shape == (8, 8, 3)
    assert normalise(stored[None, None], twice).shape == (1, 1, 3, 6, 6)


@pytest.mark.parametrize('resize', RESIZES)
@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('colour', COLOURS)
def test_stored_and_live_pictures_agree(resize, order, colour) -> None:
    """Exactly where bytes are averaged; within half a grey value where floats are rounded."""
    picture = noise(37, 61, 3)
    contract = CameraContract(
        width=12, height=12, resize=resize, order=order, colour=colour, std=(0.25, 0.5, 1.0)
    )
    live = prepare(picture, contract)
    stored = fit_picture(picture, contract)
    assert stored.dtype == np.uint8
    assert stored.flags.c_contiguous
    apart = (normalise(torch.from_numpy(stored), contract) - live).abs()
    limit = 0.0 if resize == 'area' else 0.5 / 255 / 0.25 + 1e-6
    # Bicubic kernels overshoot; what leaves 0..255 cannot be stored.
    inside = (live * torch.tensor(contract.std)[:, None, None]).abs() <= 0.5
    assert apart[inside].max() <= limit


def test_preparing_leaves_the_picture_alone() -> None:
    picture = noise(8, 8, 3)
    before = picture.copy()
    for resize in RESIZES:
        prepare(picture, dataclasses.replace(CAMERA, resize=resize))
    assert (picture == before).all()


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('resize', RESIZES)
def test_a_read_only_mirrored_view_is_taken_as_it_is(resize) -> None:
    picture = noise(20, 30, 6)[::2, :, ::-2]
    picture.flags.writeable = False
    contract = dataclasses.replace(CAMERA, resize=resize)
    assert torch.equal(prepare(picture, contract), prepare(picture.copy(), contract))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'resize': 'lanczos'}, 'resize must be one of area'),
        ({'order': 'crop'}, 'order must be one of'),
        ({'white': 100.0}, 'white must be 1 or 255'),
        ({'order': 'resize_crop', 'width': 9}, 'needs width equal to height'),
        ({'order': 'resize_crop', 'crop': 'center_aspect'}, 'crop center_square or none'),
        ({'aspect_range': (2.0, 1.0)}, 'aspect_range'),
        ({'second_size': 0}, 'second_size must be positive'),
    ],
)
def test_contracts_of_no_camera_are_refused(changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(CAMERA, **changes)
