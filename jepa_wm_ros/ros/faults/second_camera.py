"""A camera that should not be there: a process that publishes other images on the image topic.

It waits for a line on its standard input, so that it can be started before a motion: its node is
there by then, as that of a driver is which opens its camera. On its standard output it says when
its publisher came to be, on the clock of the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.faults.observer import foreign_picture
from jepa_wm_ros.ros.images import encode_image

NODE = 'second_camera'
READY = 'ready'


class SecondCamera(Node):
    """Publishes one foreign picture again and again."""

    def __init__(self, frame: str) -> None:
        """Publish nothing yet."""
        super().__init__(NODE)
        self._message = encode_image(foreign_picture(), frame_id=frame)

    def begin(self, topic: str, rate_hz: float) -> None:
        """Begin to publish."""
        self._images = self.create_publisher(Image, topic, qos.latest())
        self.create_timer(1.0 / rate_hz, self._publish)

    def _publish(self) -> None:
        self._message.header.stamp = self.get_clock().now().to_msg()
        self._images.publish(self._message)


def main(arguments: list[str] | None = None) -> int:
    """Publish until a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--topic', default='image')
    parser.add_argument('--frame', default='other')
    parser.add_argument('--rate', type=float, default=15.0, metavar='HZ')
    args = parser.parse_args(arguments)
    rclpy.init()
    camera = SecondCamera(args.frame)
    print(READY, flush=True)
    sys.stdin.readline()
    began_s = time.time()
    camera.begin(args.topic, args.rate)
    print(began_s, flush=True)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(camera)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
