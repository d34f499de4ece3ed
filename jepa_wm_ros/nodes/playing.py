"""The process of `jepa-wm bag play`: a node, its player, signals and the keyboard."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import SingleThreadedExecutor

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.nodes.player import BagPlayer
from jepa_wm_ros.ros.joining import join
from jepa_wm_ros.ros.spinning import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jepa_wm_ros.nodes.player import PlaySettings

KEYS = 'space: pause or go on; s: one message more, while paused; q: end'
"""What the keyboard does, for people."""


def play(path: Path, settings: PlaySettings, delay_s: float = 1.0) -> tuple[int, dict[str, str]]:
    """Play a bag until its end, or SIGINT or SIGTERM.

    Args:
        path: The bag.
        settings: How to play.
        delay_s: Time for others to find the publishers before the first message [s].

    Returns:
        How many messages were published, and which topics could not be played and why.

    Raises:
        RecordingError: The bag cannot be read.
        TimelineError: There is nothing to play.
    """
    with open_bag(path) as bag, _node() as (node, executor), _keyboard() as pressed:
        stop = StopRequest()

        def spin(seconds: float) -> None:
            executor.spin_once(timeout_sec=seconds)
            key = pressed()
            if stop.requested or key == 'q':
                player.stop()
            elif key == ' ':
                player.pause(not player.paused)
            elif key == 's':
                player.play_next()

        player = BagPlayer(node, bag, settings, spin)
        try:
            end = time.monotonic() + delay_s
            while time.monotonic() < end and not stop.requested:
                executor.spin_once(timeout_sec=0.05)
            player.play()
        finally:
            stop.restore()
        return player.played, player.refused


@contextlib.contextmanager
def _node() -> Iterator[tuple[rclpy.node.Node, SingleThreadedExecutor]]:
    context = join()
    node = rclpy.create_node('bag_player', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        yield node, executor
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()


@contextlib.contextmanager
def _keyboard() -> Iterator[Callable[[], str]]:
    """Read single keys without waiting, where there is a terminal."""
    if not sys.stdin.isatty():
        yield lambda: ''
        return
    import termios
    import tty

    stream = sys.stdin.fileno()
    before = termios.tcgetattr(stream)
    tty.setcbreak(stream)
    try:
        yield lambda: sys.stdin.read(1) if select.select([stream], [], [], 0)[0] else ''
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, before)
