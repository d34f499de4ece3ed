"""The process of `jepa-wm bag play`: a node, its player, signals and the keyboard."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import SingleThreadedExecutor

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.nodes.player import CLOCK, UNKNOWN, BagPlayer, choose, refuse_rivals, rivals
from jepa_wm_ros.ros.joining import join
from jepa_wm_ros.ros.spinning import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rclpy.node import Node

    from jepa_wm_ros.nodes.player import PlaySettings, Selection

KEYS = 'space: pause or go on; s: one message more, while paused; q: end'
"""What the keyboard does, for people."""
DISCOVERY_S = 1.5
"""How long others are looked for who publish what the bag would [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of playing.

    Attributes:
        count: Messages published.
        latched: Latched messages from before the start that were published besides.
        refused: Topics that could not be played, and why.
        selection: What was played and what was left out.
    """

    count: int
    latched: int
    refused: Mapping[str, str]
    selection: Selection


def play(
    path: Path,
    settings: PlaySettings,
    delay_s: float = 1.0,
    tell: Callable[[Selection], None] = lambda _: None,
) -> Played:
    """Play a bag until its end, or SIGINT or SIGTERM.

    Args:
        path: The bag.
        settings: How to play.
        delay_s: Time for others to find the publishers before the first message [s].
        tell: Is told what is played and what is left out, before the first message.

    Raises:
        RecordingError: The bag cannot be read.
        TimelineError: There is nothing to play.
        RivalError: Others publish what the bag would, before or while it is played.
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

        # before there are publishers of ours, which others would take for a second source
        _find_rivals(node, executor, settings, choose(bag, settings))
        player = BagPlayer(node, bag, settings, spin)
        tell(player.selection)
        try:
            end = time.monotonic() + delay_s
            while time.monotonic() < end and not stop.requested:
                executor.spin_once(timeout_sec=0.05)
            player.play()
        finally:
            stop.restore()
        return Played(
            count=player.played,
            latched=player.latched,
            refused=player.refused,
            selection=player.selection,
        )


def _find_rivals(
    node: Node, executor: SingleThreadedExecutor, settings: PlaySettings, selection: Selection
) -> None:
    """Wait until others have been discovered, or until one is found that publishes the same."""
    names = [*selection.names.values(), *([CLOCK] if settings.clock_hz else [])]
    end = time.monotonic() + DISCOVERY_S
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
        found = rivals(node, names, own=0)
        nodes = [each for others in found.values() for each in others]
        # a publisher is discovered before the name of its node
        if nodes and UNKNOWN not in nodes and not settings.leave_out_rivals:
            refuse_rivals(found)


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
