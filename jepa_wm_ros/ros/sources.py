"""Who publishes what: the rules that nodes and `jepa-wm doctor` share, in the same words.

A name alone says little: two systems on one domain have nodes of equal names. So every endpoint
is known by its node *and* by its process, which its DDS identity tells.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rclpy.node import Node

LINGERING_S = 20
"""How long a process that was killed stays in the graph: the lease of DDS [s]."""
LINGERING = f'a process that was killed stays in the graph for up to {LINGERING_S} s'
_PARTICIPANT_BYTES = 12
_UNKNOWN = 'UNKNOWN_'
_STRANGER = 'a node that is not known yet'
_own: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A publisher or a subscription, or one half of a client or a server.

    Attributes:
        node: Its node with namespace.
        kind: Type of the messages.
        reliable: Whether it offers, or asks for, reliable transport.
        latched: Whether it offers, or asks for, transient-local durability.
        gid: Its identity in DDS; empty when it is not known.
    """

    node: str
    kind: str = ''
    reliable: bool = True
    latched: bool = False
    gid: bytes = b''

    @property
    def known(self) -> bool:
        """Whether its node has a name yet: the graph learns of an endpoint a moment before."""
        return self.node != _STRANGER

    @property
    def participant(self) -> bytes:
        """What all endpoints of one process (more exactly: of one context) have in common."""
        return self.gid[:_PARTICIPANT_BYTES]


# -- rules: facts in, words out ----------------------------------------------------------------


def named(endpoints: Sequence[Endpoint], what: str = 'publishers') -> str:
    """Name the nodes of some endpoints.

    Args:
        endpoints: The endpoints.
        what: What they are, for people, in the plural.

    Returns:
        For example `/camera`, `/camera, /player (2 publishers)`, or
        `/camera (2 publishers in 2 processes)` where one name stands for two nodes.
    """
    if not endpoints:
        return 'nobody'
    names = sorted({one.node for one in endpoints})
    said = ', '.join(names)
    if len(endpoints) == 1:
        return said
    counted = f'{len(endpoints)} {what}'
    processes = len({one.participant for one in endpoints})
    if len(names) < len(endpoints) and processes > 1:
        counted += f' in {processes} processes'
    return f'{said} ({counted})'


def strangers(
    endpoints: Iterable[Endpoint], node: str, participant: bytes, own: int
) -> list[Endpoint]:
    """Return those endpoints that are not ours.

    Args:
        endpoints: All there are.
        node: Name of our node, with namespace.
        participant: Of our process; empty when it is not known.
        own: How many of them our node has made: a node of equal name, even in our process, is a
            stranger.
    """
    found = []
    for one in endpoints:
        ours = one.node == node and (not participant or one.participant == participant)
        if ours and own > 0:
            own -= 1
        else:
            found.append(one)
    return found


def second_source(topic: str, publishers: Sequence[Endpoint], what: str = 'publishers') -> str:
    """Say that more than one node publishes what only one may; empty when all is well.

    Args:
        topic: The topic.
        publishers: All of its publishers that a listener of ours hears.
        what: What they are, for people, in the plural.
    """
    if len(publishers) < 2:
        return ''
    return f'{topic} has {named(publishers, what)}; stop all but one ({LINGERING})'


def second_joint_source(
    topic: str, publishers: Sequence[Endpoint], named_joints: Iterable[frozenset[str]]
) -> str:
    """Say that more than one node publishes the same joints; empty when all is well.

    An arm and a gripper may have drivers of their own on one topic: publishers are no more than
    the sets of joints that have nothing in common.

    Args:
        topic: The topic.
        publishers: All of its publishers.
        named_joints: The names in each message, or each of the different ones.
    """
    apart: list[frozenset[str]] = []
    for names in named_joints:
        if names:
            together = names.union(*(one for one in apart if one & names))
            apart = [*(one for one in apart if not one & names), together]
    if len(publishers) <= max(1, len(apart)):
        return ''
    return second_source(topic, publishers)


def second_commander(topic: str, others: Sequence[Endpoint], what: str = 'publishers') -> str:
    """Say that others command the arm on a topic or an action; empty when nobody does.

    Args:
        topic: The topic or the action.
        others: Publishers or clients of it that are not ours.
        what: What they are, for people, in the plural.
    """
    if not others:
        return ''
    return f'others command the arm on {topic}: {named(others, what)}; stop them ({LINGERING})'


def second_server(action: str, servers: Sequence[Endpoint]) -> str:
    """Say that an action has more than one server: each answers every goal; empty when not."""
    return second_source(f'the action {action}', servers, 'servers')


def doubles(nodes: Iterable[str], mine: Iterable[str] = ()) -> list[str]:
    """Return the names that more than one node has.

    Args:
        nodes: Names of all nodes with namespaces, one for each node.
        mine: The names that count; all when empty.
    """
    wanted = set(mine)
    counts = Counter(nodes)
    return sorted(
        name for name, count in counts.items() if count > 1 and (not wanted or name in wanted)
    )


def second_system(nodes: Iterable[str], mine: Iterable[str]) -> str:
    """Say that a second complete system is on this domain; empty when there is none.

    Args:
        nodes: Names of all nodes with namespaces, one for each node.
        mine: Names of the nodes that a system has once.
    """
    twice = doubles(nodes, mine)
    if not twice:
        return ''
    return (
        f'more than one node is called {", ".join(twice)}: a second system runs on this domain; '
        f'stop it, or give one of them a namespace or another ROS_DOMAIN_ID ({LINGERING})'
    )


# -- what a node sees --------------------------------------------------------------------------


def publishers_of(node: Node, topic: str, kind: str = '') -> list[Endpoint]:
    """Return the publishers of a topic.

    Args:
        node: A node of the graph.
        topic: Name as the node says it: relative names and remappings are resolved.
        kind: Type of the messages that count; all when empty. DDS carries no other type to a
            listener, even on a topic of the same name.
    """
    return _of_kind(node.get_publishers_info_by_topic(topic), kind)


def subscribers_of(node: Node, topic: str, kind: str = '') -> list[Endpoint]:
    """Return the subscriptions of a topic; see `publishers_of`."""
    return _of_kind(node.get_subscriptions_info_by_topic(topic), kind)


def clients_of(node: Node, service: str) -> list[Endpoint]:
    """Return the clients of a service, which is named in full."""
    return _raw(node.get_publishers_info_by_topic, f'rq{service}Request')


def servers_of(node: Node, service: str) -> list[Endpoint]:
    """Return the servers of a service, which is named in full."""
    return _raw(node.get_publishers_info_by_topic, f'rr{service}Reply')


def action_clients_of(node: Node, action: str) -> list[Endpoint]:
    """Return who can send goals to an action, which is named in full."""
    return clients_of(node, f'{action}/_action/send_goal')


def action_servers_of(node: Node, action: str) -> list[Endpoint]:
    """Return the servers of an action, which is named in full."""
    return servers_of(node, f'{action}/_action/send_goal')


def others(node: Node, topic: str, kind: str = '') -> list[Endpoint]:
    """Return the publishers of a topic that are not this node's, by name and by process."""
    name = node.resolve_topic_name(topic)
    own = sum(publisher.topic_name == name for publisher in node.publishers)
    return strangers(
        publishers_of(node, topic, kind), node.get_fully_qualified_name(), participant(node), own
    )


def other_action_clients(node: Node, action: str, own: int = 1) -> list[Endpoint]:
    """Return who can send goals to an action beside this node.

    Args:
        node: Our node.
        action: Name of the action, in full.
        own: How many clients of it our node has.
    """
    name = node.get_fully_qualified_name()
    return strangers(action_clients_of(node, action), name, participant(node), own)


def participant(node: Node) -> bytes:
    """Return what all endpoints of this node's process have in common; empty when unknown.

    No call tells it, so a topic that nobody else can have is made for a moment.
    """
    known = _own.get(node)
    if known is not None:
        return known
    from std_msgs.msg import Empty

    # the leading underscore hides it from `ros2 topic list`
    topic = f'/_jepa_wm_identity/x{uuid.uuid4().hex}'
    # past the wrappers of a managed node: this is no topic of its own
    publisher = node.create_publisher(Empty, topic, 1)
    try:
        found = publishers_of(node, topic)
    finally:
        node.destroy_publisher(publisher)
    _own[node] = found[0].participant if found else b''
    return _own[node]


def kind_of(message: type) -> str:
    """Return the name of a message type as the graph has it, such as `sensor_msgs/msg/Image`."""
    package, folder = message.__module__.split('.')[:2]
    return f'{package}/{folder}/{message.__name__}'


def endpoint(info: Any) -> Endpoint:
    """Return what rclpy says of a publisher or a subscription."""
    name = info.node_name
    known = _UNKNOWN not in name
    return Endpoint(
        node=f'{info.node_namespace.rstrip("/")}/{name}' if known else _STRANGER,
        kind=info.topic_type,
        reliable=info.qos_profile.reliability.name == 'RELIABLE',
        latched=info.qos_profile.durability.name == 'TRANSIENT_LOCAL',
        gid=bytes(info.endpoint_gid),
    )


def all_nodes(node: Node) -> list[str]:
    """Return the names of all nodes, with namespaces, one for each node."""
    pairs = node.get_node_names_and_namespaces()
    return [f'{namespace.rstrip("/")}/{name}' for name, namespace in pairs]


def _of_kind(found: Iterable[Any], kind: str) -> list[Endpoint]:
    return [one for one in map(endpoint, found) if not kind or one.kind == kind]


def _raw(look: Callable[..., Sequence[Any]], topic: str) -> list[Endpoint]:
    """Ask for a topic by its name in DDS, as services have it."""
    return list(map(endpoint, partial(look, no_mangle=True)(topic)))
