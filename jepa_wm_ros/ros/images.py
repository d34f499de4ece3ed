"""Camera messages to RGB arrays and back."""

from __future__ import annotations

from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from jepa_wm_ros.robot.image_source import ImageFacts
from jepa_wm_ros.robot.images import (
    ImageMessageError,
    check_raw,
    decode_compressed,
    decode_raw,
    is_compressed,
)
from jepa_wm_ros.ros.conversions import decode_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from builtin_interfaces.msg import Time
    from numpy.typing import NDArray

__all__ = [
    'ImageMessageError',
    'byte_array',
    'decode_image',
    'encode_compressed',
    'encode_image',
    'image_facts',
]
_QUALITY = 95
"""Of JPEG images, as image_transport has it where nothing else is set."""


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
    if is_compressed(message):
        return decode_compressed(message)
    bridge = _cv_bridge()
    if bridge is None:
        return decode_raw(message)
    check_raw(message)
    return np.ascontiguousarray(bridge(message, 'rgb8'))


def encode_image(
    picture: NDArray[np.uint8],
    *,
    stamp: Time | None = None,
    frame_id: str = '',
    encoding: str = 'rgb8',
) -> Image:
    """Write a picture into a raw message.

    Args:
        picture: Colour picture (H, W, 3) uint8, RGB; with 4 channels for `bgra8`.
        stamp: Capture time; zero when None.
        frame_id: Optical frame of the camera.
        encoding: How the channels are ordered: rgb8 or bgra8.

    Raises:
        ImageMessageError: The array has another shape or type.
    """
    channels = 4 if encoding == 'bgra8' else 3
    if picture.ndim != 3 or picture.shape[2] != channels or picture.dtype != np.uint8:
        raise ImageMessageError(
            f'a picture in {encoding} must be (H, W, {channels}) uint8, '
            f'got {picture.shape} {picture.dtype}'
        )
    message = Image()
    if stamp is not None:
        message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.height, message.width = picture.shape[:2]
    message.encoding = encoding
    message.step = channels * picture.shape[1]
    message.data = byte_array(picture)
    return message


def encode_compressed(message: Image) -> CompressedImage:
    """Compress a raw message as image_transport does: JPEG, with the raw encoding in its format.

    Raises:
        ImageMessageError: The message cannot be read.
    """
    import cv2

    picture = decode_image(message)
    _, data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return CompressedImage(
        header=message.header,
        format=f'{message.encoding}; jpeg compressed bgr8',
        data=byte_array(data),
    )


def image_facts(message: Image | CompressedImage) -> ImageFacts:
    """Return what a camera message says of its camera."""
    compressed = is_compressed(message)
    return ImageFacts(
        frame=message.header.frame_id,
        stamp_s=decode_stamp(message.header.stamp),
        encoding=message.format if compressed else message.encoding,
        size=None if compressed else (message.width, message.height),
    )


def byte_array(values: NDArray[Any]) -> array[int]:
    """The bytes of an array in the only form that message setters take without a slow loop."""
    return array('B', values.tobytes())


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
