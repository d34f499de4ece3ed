"""What camera drivers make of a picture: size, colour order, name of the topic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError


class CameraProfileError(JepaWmError):
    """A picture does not fit a camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraProfile:
    """A camera's driver as it comes.

    Attributes:
        topic: Of the pictures.
        info_topics: Of the camera's parameters.
        encoding: Of the pixels.
        width: Of the picture [px].
        height: Of the picture [px].
        rate_hz: Pictures per second.
        frame: Of the optical centre.
        depth: Of the publisher's queue; all are reliable and volatile by default.
    """

    topic: str
    info_topics: tuple[str, ...]
    encoding: str
    width: int
    height: int
    rate_hz: float
    frame: str
    depth: int

    def convert(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture `(h, w, 3)` uint8 RGB as the driver publishes it.

        Each pixel is repeated: the sensor of the cell is coarser than that of the real camera.

        Raises:
            CameraProfileError: The picture is no whole fraction of the camera's size.
        """
        rows, columns = picture.shape[:2]
        factor = self.height // rows
        if (factor * rows, factor * columns) != (self.height, self.width):
            raise CameraProfileError(
                f'a picture of {columns} x {rows} does not fit a camera of {self.width} x '
                f'{self.height} pixels'
            )
        large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
        if self.encoding == 'rgb8':
            return large
        opaque = np.full((*large.shape[:2], 1), 255, dtype=np.uint8)
        return np.concatenate([large[..., ::-1], opaque], axis=2)


CAMERAS = {
    'zed': CameraProfile(
        topic='zed/zed_node/rgb/color/rect/image',
        info_topics=(
            'zed/zed_node/rgb/color/rect/camera_info',
            'zed/zed_node/rgb/color/rect/image/camera_info',
        ),
        encoding='bgra8',
        width=640,
        height=360,
        rate_hz=15.0,
        frame='zed_left_camera_frame_optical',
        depth=10,
    ),
    'realsense': CameraProfile(
        topic='camera/camera/color/image_raw',
        info_topics=('camera/camera/color/camera_info',),
        encoding='rgb8',
        width=640,
        height=360,
        rate_hz=15.0,
        frame='camera_color_optical_frame',
        depth=10,
    ),
}
