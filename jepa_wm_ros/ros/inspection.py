"""What there is to see of a running graph: topics, who speaks and listens, and what is said."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CompressedImage, Image, JointState

from jepa_wm_ros.ros import qos, sources
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, now_s
from jepa_wm_ros.ros.images import image_facts
from jepa_wm_ros.ros.joining import join
from jepa_wm_ros.ros.sources import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jepa_wm_ros.robot.image_source import ImageFacts
    from jepa_wm_ros.robot.poses import Pose

IMAGE_TYPES = {'sensor_msgs/msg/Image': Image, 'sensor_msgs/msg/CompressedImage': CompressedImage}
_DISCOVERY_S = 1.0
_SPIN_S = 0.05


@dataclass(slots=True, kw_only=True)
class Series:
    """When messages of one topic came.

    Attributes:
        stamps: Their stamps [s].
        ages: How old they were when they came, on the ROS clock [s]; negative: from the future.
    """

    stamps: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Pictures(Series):
    """What a camera said.

    Attributes:
        encodings: Of the pictures; of compressed ones their format.
        size: Width and height; None for compressed ones.
        frames: Frames of the pictures.
        seen: What each said of its camera, and when it came [s, a clock that never jumps].
    """

    encodings: set[str] = field(default_factory=set)
    size: tuple[int, int] | None = None
    frames: set[str] = field(default_factory=set)
    seen: list[tuple[ImageFacts, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSample:
    """A message about joints.

    Attributes:
        stamp_s: When they were measured [s].
        arrived_s: When it came [s], on a clock that never jumps.
        positions: By joint [rad or m].
    """

    stamp_s: float
    arrived_s: float
    positions: Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class Joints(Series):
    """What was said about joints.

    Attributes:
        positions: Newest position by joint [rad or m].
        samples: The messages, in order of arrival.
    """

    positions: dict[str, float] = field(default_factory=dict)
    samples: list[JointSample] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class GraphFacts:
    """What there is to see of a graph.

    Attributes:
        topics: Types by topic.
        publishers: By topic, of those that were asked about.
        subscribers: The same.
        clients: Who can send goals, by action.
        servers: Who serves them, by action.
        nodes: Names of all nodes, one for each of them.
        pictures: Of the camera.
        joints: Of arm and gripper.
        driver_pose: The driver's newest pose of its end effector; None when it said none.
        controllers: States of ros2_control's controllers; None when nobody tells.
        domain_id: DDS domain.
    """

    topics: dict[str, list[str]] = field(default_factory=dict)
    publishers: dict[str, list[Endpoint]] = field(default_factory=dict)
    subscribers: dict[str, list[Endpoint]] = field(default_factory=dict)
    clients: dict[str, list[Endpoint]] = field(default_factory=dict)
    servers: dict[str, list[Endpoint]] = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)
    pictures: Pictures = field(default_factory=Pictures)
    joints: Joints = field(default_factory=Joints)
    driver_pose: Pose | None = None
    controllers: dict[str, str] | None = None
    domain_id: int = 0


def inspect_graph(
    topics: Mapping[str, str],
    *,
    actions: Sequence[str] = (),
    namespace: str = '',
    seconds: float = 3.0,
    patience_s: float = 5.0,
    domain_id: int | None = None,
) -> GraphFacts:
    """Look at a graph for some seconds.

    Args:
        topics: Names of the topics `image`, `joint_states` and, for commands, `command`, for the
            driver's pose `driver_pose`; relative ones are in the namespace.
        actions: Actions whose clients and servers are looked at.
        namespace: Of the graph.
        seconds: How long to listen [s].
        patience_s: How long to wait before that until pictures, joint states and whoever takes
            the commands have been discovered [s].
        domain_id: DDS domain; that of the environment (`ROS_DOMAIN_ID`) when None.

    Returns:
        What there was, with topics by their full names.
    """
    context = join(domain_id=domain_id)
    node = rclpy.create_node(
        'jepa_wm_doctor', namespace=namespace, context=context, use_global_arguments=False
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        return _Inspector(node, executor, topics, actions).look(seconds, patience_s)
    finally:
        node.destroy_node()
        executor.shutdown()
        context.try_shutdown()


class _Inspector:
    def __init__(
        self, node: Any, executor: Any, topics: Mapping[str, str], actions: Sequence[str]
    ) -> None:
        self._node, self._executor = node, executor
        self._actions = [node.resolve_topic_name(name) for name in actions]
        self._topics = {role: node.resolve_topic_name(name) for role, name in topics.items()}
        self._facts = GraphFacts(domain_id=node.context.get_domain_id())

    def look(self, seconds: float, patience_s: float) -> GraphFacts:
        self._discover(patience_s)
        facts, node = self._facts, self._node
        facts.topics = dict(node.get_topic_names_and_types())
        for topic in self._topics.values():
            facts.publishers[topic] = sources.publishers_of(node, topic)
            facts.subscribers[topic] = sources.subscribers_of(node, topic)
        for action in self._actions:
            facts.clients[action] = sources.action_clients_of(node, action)
            facts.servers[action] = sources.action_servers_of(node, action)
        facts.nodes = sources.all_nodes(node)
        self._listen()
        controllers = self._ask_for_controllers()
        self._spin(seconds)
        if controllers is not None and controllers.done():
            facts.controllers = {c.name: c.state for c in controllers.result().controller}
        return facts

    def _discover(self, patience_s: float) -> None:
        """Wait until everybody is known who is needed, and a moment for those who are not."""
        deadline = time.monotonic() + patience_s
        while not all(map(self._known, self._topics)) and time.monotonic() < deadline:
            self._spin(_SPIN_S)
        self._spin(min(_DISCOVERY_S, patience_s))

    def _known(self, role: str) -> bool:
        topic, node = self._topics[role], self._node
        count = node.count_subscribers if role == 'command' else node.count_publishers
        return bool(count(topic))

    def _spin(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=_SPIN_S)

    def _listen(self) -> None:
        image, joints = self._topics['image'], self._topics['joint_states']
        kinds = [p.kind for p in self._facts.publishers[image] if p.kind in IMAGE_TYPES]
        kind = IMAGE_TYPES[kinds[0]] if kinds else Image
        # depth for a moment in which this process does not get to run
        hear_picture = partial(self._on_picture, self._facts.pictures)
        self._node.create_subscription(kind, image, hear_picture, qos.sensor(10))
        hear_joints = partial(self._on_joints, self._facts.joints)
        self._node.create_subscription(JointState, joints, hear_joints, qos.sensor(100))
        if pose := self._topics.get('driver_pose'):
            self._node.create_subscription(PoseStamped, pose, self._on_pose, qos.sensor(10))

    def _note(self, series: Series, message: Any) -> None:
        stamp_s = decode_stamp(message.header.stamp)
        series.stamps.append(stamp_s)
        series.ages.append(now_s(self._node) - stamp_s)

    def _on_picture(self, pictures: Pictures, message: Any) -> None:
        self._note(pictures, message)
        pictures.frames.add(message.header.frame_id)
        pictures.seen.append((image_facts(message), time.monotonic()))
        if isinstance(message, CompressedImage):
            pictures.encodings.add(message.format)
        else:
            pictures.encodings.add(message.encoding)
            pictures.size = (message.width, message.height)

    def _on_joints(self, joints: Joints, message: JointState) -> None:
        self._note(joints, message)
        positions = dict(zip(message.name, message.position, strict=False))
        joints.positions.update(positions)
        # a driver that does not stamp its messages gets the time of arrival, as from the nodes
        stamp_s = decode_stamp(message.header.stamp) or now_s(self._node)
        joints.samples.append(
            JointSample(stamp_s=stamp_s, arrived_s=time.monotonic(), positions=positions)
        )

    def _on_pose(self, message: PoseStamped) -> None:
        self._facts.driver_pose = decode_pose(message.pose)

    def _ask_for_controllers(self) -> Any:
        """Ask ros2_control for its controllers; None where its messages or it are not there."""
        try:
            from controller_manager_msgs.srv import ListControllers
        except ModuleNotFoundError:
            return None
        client = self._node.create_client(ListControllers, 'controller_manager/list_controllers')
        return client.call_async(ListControllers.Request()) if client.service_is_ready() else None
