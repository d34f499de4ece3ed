"""A second source of joint states: a process that publishes the arm somewhere else.

It learns the joints from the first joint state, moves the first of them, and goes on with that for
ever, as a forgotten joint_state_publisher does. It waits for a line on its standard input, and
says on its standard output when its publisher came to be, on the clock of the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState

from jepa_wm_ros.ros import qos

NODE = 'joint_state_publisher'
READY = 'ready'
_PATIENCE_S = 20.0


class Ghost(Node):
    """Publishes one joint state again and again."""

    def __init__(self, offset_rad: float, rate_hz: float) -> None:
        """Learn the joints.

        Args:
            offset_rad: How far the first joint is away [rad].
            rate_hz: Messages per second [Hz].
        """
        super().__init__(NODE)
        self._offset_rad, self._rate_hz = offset_rad, rate_hz
        self.seen: JointState | None = None
        self._learning = self.create_subscription(
            JointState, 'joint_states', self._learn, qos.sensor()
        )

    def begin(self) -> None:
        """Begin to publish."""
        assert self.seen is not None, 'it has learned the joints'
        self.destroy_subscription(self._learning)
        self.seen.position[0] += self._offset_rad
        self._joints = self.create_publisher(JointState, 'joint_states', qos.events())
        self.create_timer(1.0 / self._rate_hz, self._publish)

    def _learn(self, message: JointState) -> None:
        self.seen = message

    def _publish(self) -> None:
        assert self.seen is not None
        self.seen.header.stamp = self.get_clock().now().to_msg()
        self._joints.publish(self.seen)


def main(arguments: list[str] | None = None) -> int:
    """Publish until a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--offset', type=float, default=0.3, metavar='RAD')
    parser.add_argument('--rate', type=float, default=100.0, metavar='HZ')
    args = parser.parse_args(arguments)
    rclpy.init()
    ghost = Ghost(args.offset, args.rate)
    deadline_s = time.monotonic() + _PATIENCE_S
    while ghost.seen is None and time.monotonic() < deadline_s:
        rclpy.spin_once(ghost, timeout_sec=0.1)
    if ghost.seen is None:
        print('no joint states', flush=True)
        return 1
    print(READY, flush=True)
    sys.stdin.readline()
    began_s = time.time()
    ghost.begin()
    print(began_s, flush=True)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(ghost)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
