"""A camera that should not be there: a process that publishes other images on the image topic.

It waits for a line on its standard input, so that it can be started before a motion, and says on
its standard output when its publisher came to be, on the clock of the machine.
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

    def __init__(self, topic: str, frame: str, rate_hz: float) -> None:
        """Begin to publish."""
        super().__init__(NODE)
        self._message = encode_image(foreign_picture(), frame_id=frame)
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
    print(READY, flush=True)
    sys.stdin.readline()
    began_s = time.time()
    camera = SecondCamera(args.topic, args.frame, args.rate)
    print(began_s, flush=True)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(camera)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
