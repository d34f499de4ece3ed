"""From a camera picture to the encoder's input: one path for robots, bags and training.

`prepare` is the whole path. Its halves serve data sets: `fit_picture` makes the small uint8
picture that is stored, `normalise` what the encoder takes of it. For the kernel `area` the halves
are the whole; the others work on floats, where storing rounds by half a grey value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.framing import (
    covering_size,
    resized,
    window_after_resize,
    window_before_resize,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import CameraContract

FLAT_STD = 2.0
"""Standard deviation of the grey values [0..255] under which a picture shows nothing."""


class PictureError(JepaWmError):
    """A picture from which nothing can be encoded."""


def check_picture(picture: NDArray[Any], camera: CameraContract) -> None:
    """Refuse what is not a picture of something.

    Args:
        picture: Supposedly `(H, W, 3)` uint8 RGB.
        camera: The contract that it has to serve.

    Raises:
        PictureError: Wrong type or shape, smaller than the encoder's input, or of one colour.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise PictureError(
            'the picture must be uint8 of shape (height, width, 3), got '
            f'{picture.dtype} {picture.shape}'
        )
    height, width = picture.shape[:2]
    if height < camera.height or width < camera.width:
        raise PictureError(
            f'the picture is {width}x{height} px; the model needs at least '
            f'{camera.width}x{camera.height} px'
        )
    if _standard_deviation(picture) < FLAT_STD:
        raise PictureError(
            'the picture shows nothing: all of it has nearly one colour (mean '
            f'{picture.mean():.0f} of 255); is the lens covered or the camera still starting?'
        )


def _standard_deviation(picture: NDArray[np.uint8]) -> float:
    """The standard deviation of all values of a picture, five times faster than NumPy's."""
    import cv2

    means, deviations = cv2.meanStdDev(picture)
    variance = float(np.mean(deviations**2 + means**2) - np.mean(means) ** 2)
    return math.sqrt(max(0.0, variance))


def prepare(picture: NDArray[np.uint8], camera: CameraContract) -> Tensor:
    """Make the encoder's input of a picture: crop, resize, normalise.

    Args:
        picture: `(H, W, 3)` uint8 RGB, as the camera gave it.
        camera: Crop, kernel, order and normalisation.

    Returns:
        `(3, h, w)` float32; h and w are those of the contract, or its `second_size`.
    """
    import torch

    if camera.resize == 'area':
        return normalise(torch.from_numpy(fit_picture(picture, camera)), camera)
    return _normalise(_fit_values(picture, camera), camera)


def fit_picture(picture: NDArray[np.uint8], camera: CameraContract) -> NDArray[np.uint8]:
    """Crop and resize a picture, still in uint8.

    Args:
        picture: `(H, W, 3)` uint8 RGB.
        camera: Crop, kernel, order and size.

    Returns:
        `(camera.height, camera.width, 3)` uint8 RGB, contiguous.
    """
    if camera.resize != 'area':
        levels = _fit_values(picture, camera) * (255.0 / camera.white)
        return np.ascontiguousarray(levels.round().clamp(0, 255).byte().movedim(0, -1).numpy())
    if camera.order == 'resize_crop':
        covering = _area(picture, covering_size(picture.shape[:2], camera))
        return np.ascontiguousarray(covering[window_after_resize(covering.shape[:2], camera)])
    cropped = picture[window_before_resize(picture.shape[:2], camera)]
    return np.ascontiguousarray(_area(cropped, (camera.height, camera.width)))


def fit_mask(mask: NDArray[np.uint8], camera: CameraContract) -> NDArray[np.uint8]:
    """Crop and resize numbers of objects `(H, W)` as `fit_picture` does with their picture.

    Each pixel takes the number at its centre: numbers cannot be averaged.

    Returns:
        `(camera.height, camera.width)` uint8.
    """
    import cv2

    if camera.order == 'resize_crop':
        covering = covering_size(mask.shape[:2], camera)
        grown = cv2.resize(mask, covering[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        return np.ascontiguousarray(grown[window_after_resize(covering, camera)], dtype=np.uint8)
    cropped = np.ascontiguousarray(mask[window_before_resize(mask.shape[:2], camera)])
    size = (camera.width, camera.height)
    fitted = cv2.resize(cropped, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(fitted, dtype=np.uint8)


def normalise(pictures: Tensor, camera: CameraContract) -> Tensor:
    """Scale fitted pictures to what the encoder was trained on.

    Args:
        pictures: `(..., h, w, 3)` uint8 RGB.
        camera: Colour order, mean, standard deviation and second resize.

    Returns:
        `(..., 3, h, w)` float32; of side `second_size` where the contract has one.
    """
    values = pictures.movedim(-1, -3).float()
    return _normalise(values.div_(255.0) if camera.white == 1.0 else values, camera)


def denormalised(values: Tensor, camera: CameraContract) -> Tensor:
    """Return pictures `(..., 3, h, w)`, RGB in [0, 1], of what `normalise` made of them.

    A second resize is not undone.
    """
    mean = values.new_tensor(camera.mean)[:, None, None]
    std = values.new_tensor(camera.std)[:, None, None]
    pictures = values * std + mean
    return (pictures.flip(-3) if camera.colour == 'bgr' else pictures).clamp(0.0, 1.0)


def _normalise(values: Tensor, camera: CameraContract) -> Tensor:
    """Normalise `(..., 3, h, w)` in 0..white in place, and resize once more where asked."""
    if camera.colour == 'bgr':
        values = values.flip(-3)
    mean = values.new_tensor(camera.mean)[:, None, None]
    std = values.new_tensor(camera.std)[:, None, None]
    if camera.white != 1.0:
        mean, std = mean * camera.white, std * camera.white
    values = values.sub_(mean).div_(std)
    side = camera.second_size
    return values if side is None else resized(values, (side, side), 'bilinear_antialias')


def _fit_values(picture: NDArray[np.uint8], camera: CameraContract) -> Tensor:
    """Crop and resize in floats: `(3, h, w)` in 0..white."""
    if camera.order == 'resize_crop':
        covering = covering_size(picture.shape[:2], camera)
        rows, columns = window_after_resize(covering, camera)
        return resized(_values(picture, camera), covering, camera.resize)[:, rows, columns]
    cropped = picture[window_before_resize(picture.shape[:2], camera)]
    return resized(_values(cropped, camera), (camera.height, camera.width), camera.resize)


def _values(picture: NDArray[np.uint8], camera: CameraContract) -> Tensor:
    import torch

    # A copy: pictures may be read-only, or views with negative strides.
    values = torch.from_numpy(np.array(picture)).movedim(-1, 0).float()
    return values.div_(255.0) if camera.white == 1.0 else values


def _area(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Average over areas, in bytes, as OpenCV does it."""
    import cv2

    if picture.shape[:2] == size:
        return picture
    shape = (size[1], size[0])
    return np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), dtype=np.uint8)
