"""Camera drivers: a ZED or a RealSense on its topics."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from jepa_wm_ros.robot.images import transport_topic
from jepa_wm_ros.ros.images import encode_compressed, encode_image
from jepa_wm_ros.sim.drivers.cameras import CAMERAS

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from jepa_wm_ros.nodes.emulation.host import Host
    from jepa_wm_ros.sim.camera import Picture


class CameraFace:
    """Publishes pictures and the camera's parameters, reliable as these drivers are by default."""

    def __init__(self, host: Host, camera: str, info: CameraInfo) -> None:
        """Create the publishers.

        Args:
            host: Where it lives.
            camera: zed or realsense.
            info: Parameters of the simulated camera.
        """
        self._profile = CAMERAS[camera]
        depth = QoSProfile(depth=self._profile.depth)
        create = host.node.create_lifecycle_publisher
        self._images = create(Image, self._profile.topic, depth)
        beside = transport_topic(self._profile.topic, 'compressed')
        self._compressed = create(CompressedImage, beside, depth)
        self._infos = [create(CameraInfo, name, depth) for name in self._profile.info_topics]
        self._info = _scaled(info, self._profile.width, self._profile.frame)

    def send(self, picture: Picture, stamp: Time) -> None:
        """Publish a picture (H, W, 3) uint8 RGB of the cell."""
        profile = self._profile
        image = encode_image(
            profile.convert(picture),
            stamp=stamp,
            frame_id=profile.frame,
            encoding=profile.encoding,
        )
        self._images.publish(image)
        if self._compressed.get_subscription_count():  # as image_transport does
            self._compressed.publish(encode_compressed(image))
        self._info.header.stamp = stamp
        for publisher in self._infos:
            publisher.publish(self._info)


def _scaled(info: CameraInfo, width: int, frame: str) -> CameraInfo:
    """Return the parameters of the same camera with a finer sensor."""
    factor, scaled = width // info.width, copy.deepcopy(info)
    scaled.header.frame_id = frame
    scaled.width, scaled.height = factor * info.width, factor * info.height
    for name in ('k', 'p'):
        values = getattr(scaled, name)
        values[:-1] = values[:-1] * factor
    return scaled
