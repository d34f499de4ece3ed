"""Camera messages to RGB arrays and back."""

from __future__ import annotations

from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from builtin_interfaces.msg import Time
    from numpy.typing import NDArray

_CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
_ORDER = {'rgb8': (0, 1, 2), 'bgr8': (2, 1, 0), 'rgba8': (0, 1, 2), 'bgra8': (2, 1, 0)}


class ImageMessageError(JepaWmError):
    """A camera message that cannot be read as a colour picture."""


def decode_image(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Read a raw or compressed camera message.

    Args:
        message: Encodings rgb8, bgr8, rgba8, bgra8, mono8, with or without row padding;
            or any compressed format that OpenCV reads (jpeg, png).

    Returns:
        Picture (H, W, 3) uint8, RGB, contiguous. It is a copy unless the message is rgb8
        without padding.

    Raises:
        ImageMessageError: Unknown encoding, no pixels, or fewer bytes than the size needs.
    """
    if isinstance(message, CompressedImage):
        return _decode_compressed(message)
    _check(message)
    bridge = _cv_bridge()
    if bridge is not None:
        return np.ascontiguousarray(bridge(message, 'rgb8'))
    pixels = _pixels(message)
    if message.encoding == 'mono8':
        return np.repeat(pixels, 3, axis=2)
    if message.encoding == 'rgb8':
        return np.ascontiguousarray(pixels)
    return _reorder(pixels, message.encoding)


def encode_image(
    picture: NDArray[np.uint8], *, stamp: Time | None = None, frame_id: str = ''
) -> Image:
    """Write a picture (H, W, 3) uint8 RGB into a raw message of encoding rgb8.

    Args:
        picture: Colour picture (H, W, 3) uint8, RGB.
        stamp: Capture time; zero when None.
        frame_id: Optical frame of the camera.

    Raises:
        ImageMessageError: The array has another shape or type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ImageMessageError(
            f'a picture must be (H, W, 3) uint8 RGB, got {picture.shape} {picture.dtype}'
        )
    message = Image()
    if stamp is not None:
        message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.height, message.width = picture.shape[:2]
    message.encoding = 'rgb8'
    message.step = 3 * picture.shape[1]
    message.data = byte_array(picture)
    return message


def byte_array(values: NDArray[Any]) -> array[int]:
    """The bytes of an array in the only form that message setters take without a slow loop."""
    return array('B', values.tobytes())


def _check(message: Image) -> None:
    channels = _CHANNELS.get(message.encoding)
    if channels is None:
        raise ImageMessageError(
            f'image encoding {message.encoding!r} is not supported; '
            f'accepted: {", ".join(_CHANNELS)}'
        )
    if message.height == 0 or message.width == 0:
        raise ImageMessageError(f'image has no pixels: {message.width} x {message.height}')
    row = message.width * channels
    if message.step < row:
        raise ImageMessageError(
            f'image step is {message.step} bytes, but a row of {message.width} '
            f'{message.encoding} pixels has {row}'
        )
    # the padding of the last row may be left out
    needed = message.step * (message.height - 1) + row
    if len(message.data) < needed:
        raise ImageMessageError(
            f'image is truncated: {message.width} x {message.height} {message.encoding} with '
            f'step {message.step} needs {needed} bytes, got {len(message.data)}'
        )


def _pixels(message: Image) -> NDArray[np.uint8]:
    channels = _CHANNELS[message.encoding]
    return np.ndarray(
        (message.height, message.width, channels),
        np.uint8,
        np.frombuffer(message.data, np.uint8),
        strides=(message.step, channels, 1),
    )


def _reorder(pixels: NDArray[np.uint8], encoding: str) -> NDArray[np.uint8]:
    # fancy indexing is 30 times slower than three strided copies
    picture = np.empty((*pixels.shape[:2], 3), np.uint8)
    for target, source in enumerate(_ORDER[encoding]):
        picture[..., target] = pixels[..., source]
    return picture


def _decode_compressed(message: CompressedImage) -> NDArray[np.uint8]:
    import cv2  # a node with raw pictures only does not need OpenCV

    data = np.frombuffer(message.data, np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise ImageMessageError(
            f'compressed image of format {message.format!r} with {data.size} bytes cannot be '
            'decoded: truncated, or not a jpeg or png'
        )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@cache
def _cv_bridge() -> Callable[[Image, str], NDArray[np.uint8]] | None:
    """The converter of a ROS installation, or None where there is none that works.

    The compiled part of cv_bridge was built against NumPy 1 and breaks the process's arrays
    beside NumPy 2, so there we do not even import it.
    """
    if int(np.__version__.split('.')[0]) >= 2:
        return None
    try:
        from cv_bridge import CvBridge
        from cv_bridge.boost.cv_bridge_boost import cvtColor2  # noqa: F401 - the part that breaks
    except ImportError:
        return None
    return CvBridge().imgmsg_to_cv2
