"""Plays a bag into the graph: the bytes as they are, `/clock`, pauses and single steps.

What could move something is left out unless it is asked for, and so that there are never two
sources of a state or a picture, a topic with a living publisher is not played.
"""

from __future__ import annotations

import difflib
import fnmatch
import math
import re
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.data.timeline import Timeline, TimelineError
from jepa_wm_ros.nodes.message_classes import MessageClassError, message_class
from jepa_wm_ros.ros.arguments import TOPIC_NAME
from jepa_wm_ros.ros.commanding import may_command
from jepa_wm_ros.ros.conversions import encode_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rclpy.node import Node
    from rclpy.publisher import Publisher

    from jepa_wm_ros.data.readers.bag_file import BagFile, RawMessage

_LONGEST_S = 0.02
_LEAD_S = 0.05
"""The clock begins so long before the first message: none shall come from the future [s]."""
CLOCK = '/clock'
"""Where the time of the bag is published."""
_LOOK_S = 0.2
"""How often others are looked for that publish the same [s]."""
_MOST_LATCHED = 1000
UNKNOWN = 'a node whose name is not known yet'
SHARED = (
    *('/rosout', '/parameter_events', '/diagnostics', '*/transition_event'),
    *('/robot_description', '*/robot_description', '*/robot_description_semantic'),
)
"""Topics that have several publishers by their nature."""


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
        commands: Whether topics are played, too, that could move something.
        leave_out_rivals: Whether topics that somebody else publishes are left out; otherwise
            nothing is played.
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
    commands: bool = False
    leave_out_rivals: bool = False

    def __post_init__(self) -> None:
        """Refuse a span without length.

        Raises:
            TimelineError: It ends before it begins, or a number is negative.
        """
        if not (0 <= self.start_s < math.inf and 0 <= self.clock_hz < math.inf):
            raise TimelineError('start and clock rate must be numbers that are not negative')
        if self.end_s is not None and not self.end_s > self.start_s:
            raise TimelineError(
                f'the end must lie behind the start, got {self.start_s} .. {self.end_s} s'
            )

    def wants(self, topic: str) -> bool:
        """Whether a topic is played; the bag's own `/clock` only where we publish none."""
        if (topic == CLOCK and self.clock_hz) or _matches(topic, self.exclude):
            return False
        return not self.topics or _matches(topic, self.topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of a bag is played.

    Attributes:
        names: Name under which each topic is published.
        held: Types of the topics that are left out because they could move something.
        rivals: Nodes that publish topics that are left out for that, by topic.
    """

    names: Mapping[str, str]
    held: Mapping[str, str]
    rivals: Mapping[str, Sequence[str]] = field(default_factory=dict)


class RivalError(TimelineError):
    """Somebody else publishes what a bag is about to."""


def choose(bag: BagFile, settings: PlaySettings) -> Selection:
    """Choose the topics of a bag that are played; names are judged old and new.

    Raises:
        TimelineError: A topic that is named is not in the bag, a new name is none, or two topics
            would have one name.
    """
    remap = _resolved(settings.remap)
    _check_named(bag.topics, settings.topics, remap)
    names: dict[str, str] = {}
    held: dict[str, str] = {}
    for topic in bag.topics:
        if not settings.wants(topic):
            continue
        name = remap.get(topic, topic)
        kind = bag.connections(topic)[0].msgtype
        if not settings.commands and (may_command(topic, kind) or may_command(name, kind)):
            held[topic] = kind
        else:
            names[topic] = name
    _check_apart(names)
    return Selection(names=names, held=held)


def _resolved(remap: Mapping[str, str]) -> dict[str, str]:
    """New names by old ones, both in full: ROS takes `image` for `/image`."""
    return {_in_full(old): _in_full(new) for old, new in remap.items()}


def _in_full(name: str) -> str:
    return name if name.startswith('/') else f'/{name}'


def _check_named(topics: Sequence[str], asked: Sequence[str], remap: Mapping[str, str]) -> None:
    """Refuse names that would have no effect, and those that no topic can have."""
    unknown = [old for old in remap if old not in topics]
    unknown += [pattern for pattern in asked if not any(_matches(t, (pattern,)) for t in topics)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], topics, n=1)
        meant = f' (did you mean {near[0]}?)' if near else ''
        raise TimelineError(
            f'the bag has nothing to play on {", ".join(unknown)}{meant}; it has: '
            f'{", ".join(topics) or "no messages"}'
        )
    for name in remap.values():
        if not re.fullmatch(TOPIC_NAME, name):
            raise TimelineError(
                f'{name!r} is no name of a topic; names have letters (a to z), digits and _ with '
                '/ between them, and none begins with a digit'
            )


def _check_apart(names: Mapping[str, str]) -> None:
    """Refuse to make two sources of one topic."""
    for name in names.values():
        old = [topic for topic, new in names.items() if new == name]
        if len(old) > 1:
            raise TimelineError(
                f'{" and ".join(old)} would be played on one topic, {name}; give them different '
                'names (--remap), or leave one out (--exclude)'
            )


def rivals(node: Node, names: Iterable[str], own: int) -> dict[str, list[str]]:
    """Find the nodes that publish topics beside us.

    Args:
        node: Ours.
        names: Of topics; those that everybody publishes are left out.
        own: How many publishers of each are ours.

    Returns:
        Names of the nodes by topic, for topics that have some.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        topic = node.resolve_topic_name(name)
        if _matches(topic, SHARED) or node.count_publishers(topic) <= own:
            continue
        others = [
            UNKNOWN
            if 'UNKNOWN' in info.node_name
            else f'{info.node_namespace.rstrip("/")}/{info.node_name}'
            for info in node.get_publishers_info_by_topic(topic)
        ]
        ours = node.get_fully_qualified_name()
        for _ in range(own):
            if ours in others:
                others.remove(ours)
        if others:
            found[topic] = sorted(others)
    return found


def refuse_rivals(found: Mapping[str, Sequence[str]]) -> None:
    """Refuse to play beside others.

    Raises:
        RivalError: There are some; the message names them.
    """
    if not found:
        return
    who = '; '.join(f'{topic} by {", ".join(nodes)}' for topic, nodes in sorted(found.items()))
    raise RivalError(
        f'others publish what the bag would: {who}. Two sources of one state mislead whatever '
        'moves an arm; stop them, leave these topics out (--exclude), give them other names '
        '(--remap), or take another ROS_DOMAIN_ID'
    )


class BagPlayer:
    """Publishes the messages of a bag when they are due.

    Services of the node: `~/pause` (SetBool) and `~/play_next` (one message, while paused).

    Args:
        node: Gets the publishers.
        bag: Open.
        settings: How to play.
        spin: Lets the node's executor work for at most some seconds.

    Attributes:
        selection: What is played.

    Raises:
        TimelineError: The rate is not above 0, or there is nothing to play.
        RivalError: Others publish the same.
    """

    def __init__(
        self, node: Node, bag: BagFile, settings: PlaySettings, spin: Callable[[float], None]
    ) -> None:
        self._node, self._bag, self._settings, self._spin = node, bag, settings, spin
        self.selection = choose(bag, settings)
        self._look_for_rivals(own=0)
        self.refused: dict[str, str] = {}
        """Topics that cannot be played, and why."""
        self._publishers = self._advertise(node)
        if not self._publishers:
            reasons = ''.join(f'; {topic}: {why}' for topic, why in self.refused.items())
            if self.selection.held:
                held = ', '.join(f'{topic} ({t})' for topic, t in self.selection.held.items())
                reasons += f'; could move something, played with --commands only: {held}'
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
        self._clock = node.create_publisher(Clock, CLOCK, 10) if settings.clock_hz else None
        self._ticked_s = -1.0
        self._looked_s = -math.inf
        self._singles = 0
        self._stopped = False
        self.played = 0
        """Messages published so far."""
        self.latched = 0
        """Latched messages from before the start that were published besides."""
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
        if self._settings.start_s:
            self._tick(time.monotonic())
            self._say_latched()
        while not self._stopped:
            before = self.played
            for message in self._messages():
                if not self._wait(message):
                    return
                publisher = self._publishers.get(message.topic)
                if publisher is not None:
                    publisher.publish(message.data)
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
        for topic, name in self.selection.names.items():
            connection = self._bag.connections(topic)[0]
            try:
                kind = message_class(connection.msgtype)
            except MessageClassError as error:
                self.refused[topic] = str(error)
                continue
            made[topic] = node.create_publisher(kind, name, self._profile(topic))
        return made

    def _profile(self, topic: str) -> QoSProfile:
        """The profile of the first publisher in the bag; reliable where the bag does not say.

        A latched topic keeps what all its publishers together have kept for those who come late.
        """
        profile = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10)
        offered = _offered(self._bag, topic)
        if not offered:
            return profile
        first = offered[0]
        if first.reliability.name == 'BEST_EFFORT':
            profile.reliability = ReliabilityPolicy.BEST_EFFORT
        profile.depth = max(1, min(first.depth, _MOST_LATCHED)) if first.depth else 10
        if _latched(first):
            profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
            profile.depth = self._kept(topic)
        return profile

    def _kept(self, topic: str) -> int:
        """How many messages of a latched topic those get who come late."""
        if topic.rpartition('/')[2] == 'tf_static':
            # many publishers, or one that has died and come again: each frame is in one message
            return _MOST_LATCHED
        depths = [max(1, profile.depth) for profile in _offered(self._bag, topic)]
        return min(sum(depths), _MOST_LATCHED)

    def _look_for_rivals(self, own: int) -> None:
        """Refuse to go on, or leave topics out, where somebody else publishes."""
        names = self.selection.names
        found = rivals(self._node, names.values(), own)
        if self._settings.clock_hz and not self._settings.leave_out_rivals:
            found |= rivals(self._node, [CLOCK], own)
        if not self._settings.leave_out_rivals:
            refuse_rivals(found)
            return
        if not found:
            return
        kept: dict[str, str] = {}
        for topic, name in names.items():
            if self._node.resolve_topic_name(name) not in found:
                kept[topic] = name
            elif own:
                self._node.destroy_publisher(self._publishers.pop(topic))
        told = {**self.selection.rivals, **found}
        self.selection = replace(self.selection, names=kept, rivals=told)

    def _say_latched(self) -> None:
        """Publish what those would have who have listened from the bag's beginning."""
        for topic, publisher in self._publishers.items():
            offered = _offered(self._bag, topic)
            if not (offered and _latched(offered[0])):
                continue
            kept: deque[RawMessage] = deque(maxlen=self._kept(topic))
            for message in self._bag.messages([topic]):
                if message.log_s >= self._first_s:
                    break
                kept.append(message)
            for message in kept:
                publisher.publish(message.data)
                self.latched += 1

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
            if steady_s - self._looked_s >= _LOOK_S:
                self._looked_s = steady_s
                self._look_for_rivals(own=1)
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


def _offered(bag: BagFile, topic: str) -> list[Any]:
    """The profiles that all publishers of a topic offered when it was recorded."""
    profiles: list[Any] = []
    for connection in bag.connections(topic):
        profiles += getattr(connection.ext, 'offered_qos_profiles', ())
    return profiles


def _latched(profile: Any) -> bool:
    return bool(profile.durability.name == 'TRANSIENT_LOCAL')
