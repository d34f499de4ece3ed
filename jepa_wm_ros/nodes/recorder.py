"""Records topics as they come off the wire, without decoding them."""

from __future__ import annotations

import fnmatch
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import yaml
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

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


class BagRecorder:
    """Subscribes to topics as they appear, and hands their bytes to a writer.

    Args:
        node: Its executor is spun by the caller.
        writer: Of the bag.
        settings: What is recorded.
    """

    def __init__(self, node: Node, writer: BagWriter, settings: RecordSettings) -> None:
        self._node, self._writer, self._settings = node, writer, settings
        self._types = MessageTypes()
        self._known: set[str] = set()
        self._goals = GoalPictures(writer)
        self._clock = node.get_clock()
        self.refused: dict[str, str] = {}
        """Topics that cannot be recorded, and why."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(LOOK_S, self.look, clock=steady)
        node.create_timer(FLUSH_S, writer.flush, clock=steady)
        self.look()

    def look(self) -> None:
        """Subscribe to topics that are new and have a publisher."""
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._known or not self._settings.wants(topic):
                continue
            offers = self._node.get_publishers_info_by_topic(topic)
            if not offers:
                continue
            self._known.add(topic)
            try:
                if len(types) != 1:
                    raise MessageClassError(f'has several types: {", ".join(types)}')
                self._subscribe(topic, types[0], [offer.qos_profile for offer in offers])
            except (MessageClassError, MessageTypeError) as error:
                self.refused[topic] = str(error)

    def missing(self) -> list[str]:
        """Return names without * or ? that were asked for and never published."""
        plain = [t for t in self._settings.topics if not set(t) & set('*?[')]
        return [topic for topic in plain if topic not in self._known]

    def _subscribe(self, topic: str, kind: str, offered: Sequence[QoSProfile]) -> None:
        cls = message_class(kind)
        definition, type_hash = self._types.describe(kind)
        qos = [_written(profile) for profile in offered]
        facts = TopicFacts(name=topic, type=kind, type_hash=type_hash, qos=qos)
        self._writer.add_topic(facts, definition)
        goals = topic.endswith(f'/{GOAL_TOPIC}') and kind == 'sensor_msgs/msg/Image'
        callback = partial(self._on_goal if goals else self._on_message, topic)
        self._node.create_subscription(cls, topic, callback, _accepting(offered), raw=True)

    def _on_message(self, topic: str, data: bytes, info: dict[str, Any]) -> None:
        sent = int(info.get('source_timestamp', 0)) or None
        self._writer.write(topic, self._clock.now().nanoseconds, bytes(data), sent)

    def _on_goal(self, topic: str, data: bytes, info: dict[str, Any]) -> None:
        self._on_message(topic, data, info)
        self._goals.keep(bytes(data))


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


def _accepting(offered: Sequence[QoSProfile]) -> QoSProfile:
    """The best profile that every publisher is compatible with."""
    reliable = all(o.reliability == ReliabilityPolicy.RELIABLE for o in offered)
    kept = all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offered)
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
