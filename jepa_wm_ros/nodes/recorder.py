"""Records topics as they come off the wire, without decoding them."""

from __future__ import annotations

import fnmatch
import hashlib
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import yaml
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from jepa_wm_ros.data.writing.metadata import TopicFacts
from jepa_wm_ros.data.writing.types import MessageTypeError, MessageTypes
from jepa_wm_ros.nodes.message_classes import MessageClassError, message_class
from jepa_wm_ros.robot.images import ImageMessageError, decode_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.node import Node

    from jepa_wm_ros.data.writing.bag_writer import BagWriter

LOOK_S = 0.25
"""How often new topics are looked for [s]."""
FLUSH_S = 0.5
"""How often what was recorded is made safe [s]: what a killed process loses at most."""
GOAL_TOPIC = 'goal_image'
"""Topics of this name, in whatever namespace, carry goal pictures."""
_DEPTH = 1000
_AGAIN = 4
"""Every how many looks the publishers of known topics are looked at."""
_REMEMBERED = 4096
_PART = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettings:
    """What is recorded.

    Attributes:
        topics: Names, with * and ? for any; empty for all topics that are not hidden.
        exclude: Names that are left out, likewise.
    """

    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def wants(self, topic: str) -> bool:
        """Whether a topic is recorded; hidden ones only when they are named."""
        if any(fnmatch.fnmatchcase(topic, pattern) for pattern in self.exclude):
            return False
        if self.topics:
            return any(fnmatch.fnmatchcase(topic, pattern) for pattern in self.topics)
        return not any(part.startswith('_') for part in topic.split('/'))


@dataclass(slots=True, kw_only=True)
class _Recorded:
    """A topic that is recorded.

    Attributes:
        facts: What the bag says of it.
        cls: Its message class.
        asked: Reliability and durability of each of our subscriptions.
        seen: The newest messages, so that what two subscriptions hear is written once.
        order: The same, oldest first.
    """

    facts: TopicFacts
    cls: Any
    asked: set[tuple[Any, Any]] = field(default_factory=set)
    seen: set[tuple[int, int, bytes]] = field(default_factory=set)
    order: deque[tuple[int, int, bytes]] = field(default_factory=deque)

    def is_new(self, data: bytes, sent_ns: int) -> bool:
        """Whether a message has not been heard before; remembers it."""
        key = sent_ns, len(data), bytes(data) if not sent_ns else bytes(data[:_PART])
        if key in self.seen:
            return False
        self.seen.add(key)
        self.order.append(key)
        if len(self.order) > _REMEMBERED:
            self.seen.discard(self.order.popleft())
        return True


class BagRecorder:
    """Subscribes to topics as they appear, and hands their bytes to a writer.

    A publisher that offers less than those before (best effort, volatile) would not be heard by
    the subscription that fits them, and one that fits all would lose what reliable ones repeat.
    So there is a subscription for each kind of publisher, made as soon as one comes.

    Args:
        node: Its executor is spun by the caller.
        writer: Of the bag.
        settings: What is recorded.
    """

    def __init__(self, node: Node, writer: BagWriter, settings: RecordSettings) -> None:
        self._node, self._writer, self._settings = node, writer, settings
        self._types = MessageTypes()
        self._known: dict[str, _Recorded | None] = {}
        self._goals = GoalPictures(writer)
        self._clock = node.get_clock()
        self._looks = 0
        self.refused: dict[str, str] = {}
        """Topics that cannot be recorded, or not all of them, and why."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(LOOK_S, self.look, clock=steady)
        node.create_timer(FLUSH_S, writer.flush, clock=steady)
        self.look()

    def look(self) -> None:
        """Subscribe to topics and kinds of publishers that are new."""
        again = self._looks % _AGAIN == 0
        self._looks += 1
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._known:
                if again:
                    self._widen(topic)
                continue
            if not self._settings.wants(topic):
                continue
            offers = self._node.get_publishers_info_by_topic(topic)
            if not offers:
                continue
            self._known[topic] = None
            try:
                if len(types) != 1:
                    raise MessageClassError(f'has several types: {", ".join(types)}')
                self._begin(topic, types[0])
            except (MessageClassError, MessageTypeError) as error:
                self.refused[topic] = str(error)

    def missing(self) -> list[str]:
        """Return names without * or ? that were asked for and never published."""
        plain = [t for t in self._settings.topics if not set(t) & set('*?[')]
        return [topic for topic in plain if topic not in self._known]

    def _begin(self, topic: str, kind: str) -> None:
        cls = message_class(kind)
        definition, type_hash = self._types.describe(kind)
        facts = TopicFacts(name=topic, type=kind, type_hash=type_hash)
        recorded = _Recorded(facts=facts, cls=cls)
        self._known[topic] = recorded
        offered = [offer.qos_profile for offer in self._offers(recorded)]
        facts.qos = [_written(profile) for profile in offered]
        self._writer.add_topic(facts, definition)
        self._subscribe(recorded, offered)

    def _widen(self, topic: str) -> None:
        """Hear publishers, too, that the subscriptions so far do not fit."""
        recorded = self._known.get(topic)
        if recorded is None:
            return
        offered = [offer.qos_profile for offer in self._offers(recorded)]
        known = {profile['reliability'] + profile['durability'] for profile in recorded.facts.qos}
        for profile in offered:
            written = _written(profile)
            if written['reliability'] + written['durability'] not in known:
                recorded.facts.qos.append(written)
                known.add(written['reliability'] + written['durability'])
        self._subscribe(recorded, offered)

    def _offers(self, recorded: _Recorded) -> list[Any]:
        """The publishers of a topic that have its type; the others are told."""
        topic, kind = recorded.facts.name, recorded.facts.type
        offers = self._node.get_publishers_info_by_topic(topic)
        foreign = [offer for offer in offers if offer.topic_type != kind]
        if foreign and topic not in self.refused:
            who = ', '.join(f'{offer.topic_type} by {_name_of(offer)}' for offer in foreign)
            self.refused[topic] = f'is published as {who}, too; only {kind} is recorded'
            self._node.get_logger().warning(f'{topic} {self.refused[topic]}')
        return [offer for offer in offers if offer.topic_type == kind]

    def _subscribe(self, recorded: _Recorded, offered: Sequence[QoSProfile]) -> None:
        """Subscribe for each kind of publisher that has no subscription yet."""
        facts = recorded.facts
        goals = facts.name.endswith(f'/{GOAL_TOPIC}') and facts.type == 'sensor_msgs/msg/Image'
        for profile in offered:
            fitting = _fitting(profile)
            key = fitting.reliability, fitting.durability
            if key in recorded.asked:
                continue
            recorded.asked.add(key)
            callback = partial(self._on_goal if goals else self._on_message, recorded)
            # such a publisher is not heard: at once, not with the next look
            events = SubscriptionEventCallbacks(
                incompatible_qos=lambda _, topic=facts.name: self._widen(topic)
            )
            self._node.create_subscription(
                recorded.cls, facts.name, callback, fitting, raw=True, event_callbacks=events
            )

    def _on_message(self, recorded: _Recorded, data: bytes, info: dict[str, Any]) -> bool:
        sent = int(info.get('source_timestamp', 0))
        if not recorded.is_new(data, sent):
            return False
        name, now = recorded.facts.name, self._clock.now().nanoseconds
        self._writer.write(name, now, bytes(data), sent or None)
        return True

    def _on_goal(self, recorded: _Recorded, data: bytes, info: dict[str, Any]) -> None:
        if self._on_message(recorded, data, info):
            self._goals.keep(bytes(data))


def _name_of(offer: Any) -> str:
    return f'{offer.node_namespace.rstrip("/")}/{offer.node_name}'


class GoalPictures:
    """Attaches goal pictures that come as messages, each of them once.

    Args:
        writer: Of the bag.
    """

    def __init__(self, writer: BagWriter) -> None:
        self._writer = writer
        self._seen: set[bytes] = set()

    def keep(self, data: bytes) -> None:
        """Attach the picture of a message, unless it is known or no picture.

        Args:
            data: CDR bytes of a `sensor_msgs/Image`.
        """
        import cv2

        message = deserialize_message(data, Image)
        digest = hashlib.sha256(bytes(message.data)).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        try:
            picture = decode_raw(message)
        except ImageMessageError:
            return  # the message itself is in the bag
        _, png = cv2.imencode('.png', picture[..., ::-1])
        number = len(self._seen) - 1
        self._writer.attach(f'{GOAL_TOPIC}_{number}.png', 'image/png', bytes(png))


class ParameterSnapshot:
    """Asks every node of the graph for its parameters, without waiting for the slow ones.

    What a node answers is attached at once, so that it is there when the recorder is killed.

    Args:
        node: Its executor is spun by the caller.
        writer: Of the bag.
    """

    def __init__(self, node: Node, writer: BagWriter) -> None:
        self._node, self._writer = node, writer
        self._asked: set[str] = set()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(1.0, self._ask, clock=steady)

    def _ask(self) -> None:
        from rcl_interfaces.srv import ListParameters

        for short, space in self._node.get_node_names_and_namespaces():
            name = f'{space.rstrip("/")}/{short}'
            if name in self._asked or name == self._node.get_fully_qualified_name():
                continue
            client = self._node.create_client(ListParameters, f'{name}/list_parameters')
            if client.service_is_ready():
                self._asked.add(name)
                future = client.call_async(ListParameters.Request())
                future.add_done_callback(partial(self._get, name))

    def _get(self, name: str, listed: Any) -> None:
        from rcl_interfaces.srv import GetParameters

        names = list(listed.result().result.names)
        client = self._node.create_client(GetParameters, f'{name}/get_parameters')
        future = client.call_async(GetParameters.Request(names=names))
        future.add_done_callback(partial(self._keep, name, names))

    def _keep(self, name: str, names: list[str], answer: Any) -> None:
        from rclpy.parameter import parameter_value_to_python

        values = {
            key: _plain(parameter_value_to_python(value))
            for key, value in zip(names, answer.result().values, strict=True)
        }
        text = yaml.safe_dump({name: values})
        self._writer.attach(f'parameters{name}.yaml', 'application/yaml', text.encode())


def _plain(value: Any) -> Any:
    return list(value) if hasattr(value, '__iter__') and not isinstance(value, str) else value


def _fitting(offered: QoSProfile) -> QoSProfile:
    """What asks of a publisher all that it offers."""
    reliable = offered.reliability == ReliabilityPolicy.RELIABLE
    kept = offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if kept else DurabilityPolicy.VOLATILE,
    )


def _written(profile: QoSProfile) -> dict[str, Any]:
    """The profile of a publisher as rosbag2 writes it."""

    def duration(value: Any) -> dict[str, int]:
        seconds, nanoseconds = divmod(value.nanoseconds, 1_000_000_000)
        return {'sec': int(seconds), 'nsec': int(nanoseconds)}

    return {
        'history': profile.history.name.lower(),
        'depth': profile.depth,
        'reliability': profile.reliability.name.lower(),
        'durability': profile.durability.name.lower(),
        'deadline': duration(profile.deadline),
        'lifespan': duration(profile.lifespan),
        'liveliness': profile.liveliness.name.lower(),
        'liveliness_lease_duration': duration(profile.liveliness_lease_duration),
        'avoid_ros_namespace_conventions': profile.avoid_ros_namespace_conventions,
    }
