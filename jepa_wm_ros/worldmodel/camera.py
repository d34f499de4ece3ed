"""From a camera picture to the encoder's input: one path for robots, bags and training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError

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
    if float(picture.std()) < FLAT_STD:
        raise PictureError(
            'the picture shows nothing: all of it has nearly one colour (mean '
            f'{picture.mean():.0f} of 255); is the lens covered or the camera still starting?'
        )


def fit_picture(picture: NDArray[np.uint8], camera: CameraContract) -> NDArray[np.uint8]:
    """Crop and resize a picture to the encoder's input, still in uint8.

    Shrinking averages over areas (no aliasing), which is what makes a small input usable.

    Args:
        picture: `(H, W, 3)` uint8 RGB.
        camera: Crop and size.

    Returns:
        `(camera.height, camera.width, 3)` uint8 RGB, contiguous.
    """
    import cv2

    if camera.crop == 'center_square':
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        picture = picture[top : top + side, left : left + side]
    if picture.shape[:2] == (camera.height, camera.width):
        return np.ascontiguousarray(picture)
    size = (camera.width, camera.height)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def normalise(pictures: Tensor, camera: CameraContract) -> Tensor:
    """Scale fitted pictures to what the encoder was trained on.

    Args:
        pictures: `(..., h, w, 3)` uint8 RGB.
        camera: Colour order, mean and standard deviation.

    Returns:
        `(..., 3, h, w)` float32.
    """
    values = pictures.movedim(-1, -3).float().div_(255.0)
    if camera.colour == 'bgr':
        values = values.flip(-3)
    mean = values.new_tensor(camera.mean)[:, None, None]
    std = values.new_tensor(camera.std)[:, None, None]
    return values.sub_(mean).div_(std)
