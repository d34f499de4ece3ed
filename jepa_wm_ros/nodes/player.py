"""Plays a bag into the graph: the bytes as they are, `/clock`, pauses and single steps."""

from __future__ import annotations

import fnmatch
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.data.timeline import Timeline, TimelineError
from jepa_wm_ros.nodes.message_classes import MessageClassError, message_class
from jepa_wm_ros.ros.conversions import encode_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rclpy.node import Node
    from rclpy.publisher import Publisher

    from jepa_wm_ros.data.readers.bag_file import BagFile, RawMessage

_LONGEST_S = 0.02
_LEAD_S = 0.05
"""The clock begins so long before the first message: none shall come from the future [s]."""
_CLOCK = '/clock'


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaySettings:
    """How a bag is played.

    Attributes:
        topics: Names, with * and ? for any; empty for all.
        exclude: Names that are left out, likewise.
        remap: New names of topics.
        rate: Seconds of the bag in a second.
        loop: Whether to begin anew at the end; `/clock` jumps back then.
        start_s: Where to begin, from the bag's beginning [s].
        end_s: Where to end, likewise; None for its end.
        clock_hz: How often `/clock` is published; 0 never.
        paused: Whether to begin with a pause.
    """

    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    remap: Mapping[str, str] = field(default_factory=dict)
    rate: float = 1.0
    loop: bool = False
    start_s: float = 0.0
    end_s: float | None = None
    clock_hz: float = 100.0
    paused: bool = False

    def __post_init__(self) -> None:
        """Refuse a span without length.

        Raises:
            TimelineError: It ends before it begins, or a number is negative.
        """
        if self.start_s < 0 or self.clock_hz < 0:
            raise TimelineError('start and clock rate must not be negative')
        if self.end_s is not None and self.end_s <= self.start_s:
            raise TimelineError(
                f'the end must lie behind the start, got {self.start_s} .. {self.end_s} s'
            )

    def wants(self, topic: str) -> bool:
        """Whether a topic is played; the bag's own `/clock` only where we publish none."""
        if (topic == _CLOCK and self.clock_hz) or _matches(topic, self.exclude):
            return False
        return not self.topics or _matches(topic, self.topics)


class BagPlayer:
    """Publishes the messages of a bag when they are due.

    Services of the node: `~/pause` (SetBool) and `~/play_next` (one message, while paused).

    Args:
        node: Gets the publishers.
        bag: Open.
        settings: How to play.
        spin: Lets the node's executor work for at most some seconds.

    Raises:
        TimelineError: The rate is not above 0, or there is nothing to play.
    """

    def __init__(
        self, node: Node, bag: BagFile, settings: PlaySettings, spin: Callable[[float], None]
    ) -> None:
        self._bag, self._settings, self._spin = bag, settings, spin
        self.refused: dict[str, str] = {}
        """Topics that cannot be played, and why."""
        self._publishers = self._advertise(node)
        if not self._publishers:
            reasons = ''.join(f'; {topic}: {why}' for topic, why in self.refused.items())
            raise TimelineError(
                'the bag has nothing to play on the topics asked for; it has: '
                f'{", ".join(bag.topics) or "no messages"}{reasons}'
            )
        first, last = bag.span_s
        if first + settings.start_s > last:
            raise TimelineError(
                f'the bag ends {last - first:.1f} s after its beginning, before the start that '
                f'was asked for, {settings.start_s:g} s'
            )
        self._first_s = first + settings.start_s
        self._last_s = last if settings.end_s is None else first + settings.end_s
        self._begin_s = max(0.0, self._first_s - _LEAD_S * settings.rate)
        self._timeline = Timeline(self._begin_s, settings.rate)
        self._clock = node.create_publisher(Clock, _CLOCK, 10) if settings.clock_hz else None
        self._ticked_s = -1.0
        self._singles = 0
        self._stopped = False
        self.played = 0
        """Messages published so far."""
        node.create_service(SetBool, '~/pause', self._on_pause)
        node.create_service(Trigger, '~/play_next', self._on_play_next)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._timeline.paused

    def play(self) -> None:
        """Play to the end, or until `stop`."""
        if not self._settings.paused:
            self._timeline.resume(time.monotonic())
        while not self._stopped:
            before = self.played
            for message in self._messages():
                if not self._wait(message):
                    return
                self._publishers[message.topic].publish(message.data)
                self.played += 1
            if not self._settings.loop or self.played == before:
                return
            self._timeline.jump(self._begin_s, time.monotonic())
            self._ticked_s = -1.0  # the jump has to be known before the first message

    def stop(self) -> None:
        """End playing."""
        self._stopped = True

    def pause(self, paused: bool) -> None:
        """Stand still, or go on."""
        change = self._timeline.pause if paused else self._timeline.resume
        change(time.monotonic())

    def play_next(self) -> None:
        """Publish one message more, while paused."""
        self._singles += 1

    def _advertise(self, node: Node) -> dict[str, Publisher]:
        made = {}
        for topic in self._bag.topics:
            if not self._settings.wants(topic):
                continue
            connection = self._bag.connections(topic)[0]
            try:
                kind = message_class(connection.msgtype)
            except MessageClassError as error:
                self.refused[topic] = str(error)
                continue
            name = self._settings.remap.get(topic, topic)
            offered = list(getattr(connection.ext, 'offered_qos_profiles', ()))
            made[topic] = node.create_publisher(kind, name, _profile(offered))
        return made

    def _messages(self) -> Iterator[RawMessage]:
        for message in self._bag.messages(list(self._publishers)):
            if message.log_s > self._last_s:
                return
            if message.log_s >= self._first_s:
                yield message

    def _wait(self, message: RawMessage) -> bool:
        """Wait until a message is due; False when there is no more playing."""
        while not self._stopped:
            steady_s = time.monotonic()
            self._tick(steady_s)
            if self.paused and self._singles:
                self._singles -= 1
                self._timeline.jump(message.log_s, steady_s)
                return True
            left = self._timeline.wait_s(message.log_s, steady_s)
            if left <= 0 and not self.paused:
                return True
            self._spin(min(_LONGEST_S, left, 1.0 / (self._settings.clock_hz or 100.0)))
        return False

    def _tick(self, steady_s: float) -> None:
        if self._clock is None or steady_s - self._ticked_s < 1.0 / self._settings.clock_hz:
            return
        self._ticked_s = steady_s
        now_s = min(self._timeline.now(steady_s), self._last_s)
        self._clock.publish(Clock(clock=encode_stamp(now_s)))

    def _on_pause(self, request: Any, response: Any) -> Any:
        self.pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'playing'
        return response

    def _on_play_next(self, request: Any, response: Any) -> Any:
        response.success = self.paused
        response.message = '' if self.paused else 'not paused: call ~/pause first'
        if self.paused:
            self.play_next()
        return response


def _matches(topic: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(topic, pattern) for pattern in patterns)


def _profile(offered: list[Any]) -> QoSProfile:
    """The profile of the first publisher in the bag; reliable where the bag does not say."""
    profile = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10)
    if not offered:
        return profile
    first = offered[0]
    if first.reliability.name == 'BEST_EFFORT':
        profile.reliability = ReliabilityPolicy.BEST_EFFORT
    if first.durability.name == 'TRANSIENT_LOCAL':
        profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    profile.depth = max(1, min(first.depth, 1000)) if first.depth else 10
    return profile
