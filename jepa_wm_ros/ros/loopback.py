"""Does this machine deliver ROS messages to itself? A probe for `jepa-wm doctor`.

Run as a module (`python -m jepa_wm_ros.ros.loopback`): two processes, one topic with pictures of
the demo's size, on a DDS domain of its own and on this machine only. With `640x480` it tells which
part of pictures of that size arrives, which is far from all with Fast DDS's default transport.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.domains import DomainLease
from jepa_wm_ros.ros.joining import join
from jepa_wm_ros.ros.qos import sensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.synchronize import Event

    from rclpy.node import Node

PICTURES = 30
RATE_HZ = 30.0
TIMEOUT_S = 8.0
DEMO_SIZE = (320, 180)
LEAST_DELIVERED = 0.95


class LoopbackError(JepaWmError):
    """Messages do not get from one process to another on this machine."""


def measure(domain_id: int) -> list[float]:
    """Send pictures from another process to this one.

    Args:
        domain_id: DDS domain that nobody else uses, 0 to 101.

    Returns:
        Transport time of each picture that arrived [s], `PICTURES` of them.

    Raises:
        LoopbackError: Fewer arrived within `TIMEOUT_S`.
    """
    delays, _ = exchange(domain_id, DEMO_SIZE)
    if len(delays) < PICTURES:
        raise LoopbackError(f'{len(delays)} of {PICTURES} pictures arrived in {TIMEOUT_S:g} s')
    return delays


def delivered(domain_id: int, size: tuple[int, int]) -> float:
    """Return which part of the pictures of a size (width, height) arrives, 0..1."""
    delays, sent = exchange(domain_id, size)
    return len(delays) / sent if sent else 0.0


def exchange(domain_id: int, size: tuple[int, int]) -> tuple[list[float], int]:
    """Let another process send pictures until enough have arrived, or time is up.

    Args:
        domain_id: DDS domain that nobody else uses, 0 to 101.
        size: Width and height of the pictures.

    Returns:
        Transport time of each picture that arrived [s], and how many were sent meanwhile.
    """
    spawn = multiprocessing.get_context('spawn')
    enough = spawn.Event()
    sender = spawn.Process(target=_send, args=(domain_id, size, enough), daemon=True)
    sender.start()
    try:
        return _receive(domain_id)
    finally:
        enough.set()
        sender.join(timeout=2.0)
        if sender.is_alive():
            sender.kill()


def _receive(domain_id: int) -> tuple[list[float], int]:
    """Collect the delays [s] of the pictures that arrive in time, and count those sent."""
    delays: list[float] = []
    numbers: list[int] = []

    def note_delay(message: Image) -> None:
        stamp = message.header.stamp
        numbers.append(int(message.header.frame_id))
        delays.append(time.time() - stamp.sec - 1e-9 * stamp.nanosec)

    with _node('loopback_receiver', domain_id) as (node, executor):
        node.create_subscription(Image, 'loopback', note_delay, sensor(depth=10))
        deadline = time.monotonic() + TIMEOUT_S
        while len(delays) < PICTURES and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
    return delays, numbers[-1] - numbers[0] + 1 if numbers else 0


def _send(domain_id: int, size: tuple[int, int], enough: Event) -> None:
    """Publish pictures until the receiver has had enough; the other process runs this."""
    with _node('loopback_sender', domain_id) as (node, _):
        publisher = node.create_publisher(Image, 'loopback', sensor(depth=10))
        width, height = size
        message = Image(height=height, width=width, step=3 * width, encoding='rgb8')
        message.data = array('B', bytes(3 * width * height))
        number = 0
        while not enough.wait(1.0 / RATE_HZ):
            number += 1
            message.header.frame_id = str(number)
            message.header.stamp = node.get_clock().now().to_msg()
            publisher.publish(message)


@contextmanager
def _node(name: str, domain_id: int) -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    """Make a node in a context of its own, and take both down afterwards."""
    context = join(domain_id=domain_id)
    executor = SingleThreadedExecutor(context=context)
    node = rclpy.create_node(name, context=context)
    executor.add_node(node)
    try:
        yield node, executor
    finally:
        node.destroy_node()
        executor.shutdown()
        context.try_shutdown()


def main(arguments: Sequence[str] = ()) -> int:
    """Measure once and print one line; exit code 1 when pictures are lost."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    lease = DomainLease()
    if arguments:
        width, height = (int(number) for number in arguments[0].split('x'))
        part = delivered(lease.domain_id, (width, height))
        words = f'{100 * part:.0f} % of raw pictures of {width} x {height} arrive'
        if part >= LEAST_DELIVERED:
            print(words)
            return 0
        print(words, file=sys.stderr)
        return 1
    try:
        delays = measure(lease.domain_id)
    except JepaWmError as error:
        print(error, file=sys.stderr)
        return 1
    print(f'pictures arrive in {1e3 * statistics.median(delays):.1f} ms (median)')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
