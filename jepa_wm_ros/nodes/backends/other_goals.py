"""Goals of other clients on a controller that we command: an operator's MoveIt, another stack.

Whoever serves an action tells everybody the states of its goals. A goal that is not ours and that
has not ended means that somebody else moves the arm.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.qos import qos_profile_action_status_default

if TYPE_CHECKING:
    from jepa_wm_ros.ros.lifecycle import ManagedNode

CONTROLLER_ACTION = 'follow_joint_trajectory'
CONTROLLER_TOPIC = 'joint_trajectory'
_UNDER_WAY = (
    GoalStatus.STATUS_ACCEPTED,
    GoalStatus.STATUS_EXECUTING,
    GoalStatus.STATUS_CANCELING,
)
_LOOK_S = 0.2
_REMEMBERED = 256


def sibling(name: str, ours: str, theirs: str) -> str | None:
    """Return the other way to command the same controller; None where names say nothing.

    Args:
        name: A topic or action, such as `arm_controller/joint_trajectory`.
        ours: What its last part has to be, such as `joint_trajectory`.
        theirs: The last part of the other, such as `follow_joint_trajectory`.
    """
    controller, _, last = name.rpartition('/')
    if last != ours:
        return None
    return f'{controller}/{theirs}' if controller else theirs


class OtherGoals:
    """Knows which goals of an action are under way and not ours."""

    def __init__(
        self, node: ManagedNode, action: str, arrived: Callable[[str], object] = lambda _: None
    ) -> None:
        """Listen to the states of the action's goals.

        Args:
            node: Listens.
            action: Name of the action.
            arrived: Called with a sentence when somebody else's goal begins.
        """
        self._node, self._action, self._arrived = node, action, arrived
        self._own: OrderedDict[bytes, None] = OrderedDict()
        self._foreign: tuple[bytes, ...] = ()
        self._servers: frozenset[bytes] = frozenset()
        self._topic = f'{action}/_action/status'
        node.create_subscription(
            GoalStatusArray, self._topic, self._on_states, qos_profile_action_status_default
        )
        node.create_timer(_LOOK_S, self._look)

    @property
    def under_way(self) -> bool:
        """Whether there is one."""
        return bool(self._foreign)

    def own(self, goal: bytes) -> None:
        """Remember that a goal is ours; call it before the goal is sent."""
        self._own[goal] = None
        if len(self._own) > _REMEMBERED:
            self._own.popitem(last=False)

    def others(self) -> str:
        """Say which goals of others are under way, whose they may be, and what to do.

        Returns:
            A sentence; empty when there is none.
        """
        self._look()
        return self._sentence() if self._foreign else ''

    def _sentence(self) -> str:
        goals = ', '.join(goal.hex()[:8] for goal in self._foreign)
        clients = ', '.join(self._clients()) or 'a client that cannot be found'
        return (
            f'somebody else commands the arm: goal {goals} on {self._action} is not ours '
            f'(other clients: {clients}). End it there, then arm again'
        )

    def _on_states(self, message: GoalStatusArray) -> None:
        before = self._foreign
        self._foreign = tuple(
            goal
            for goal in (
                bytes(state.goal_info.goal_id.uuid)
                for state in message.status_list
                if state.status in _UNDER_WAY
            )
            if goal not in self._own
        )
        if set(self._foreign) - set(before):
            self._arrived(self._sentence())

    def _look(self) -> None:
        """Forget the goals of a server that is gone: it can say no more that they have ended."""
        infos = self._node.get_publishers_info_by_topic(self._topic)
        servers = frozenset(bytes(info.endpoint_gid) for info in infos)
        if self._servers - servers:
            self._foreign = ()
        self._servers = servers

    def _clients(self) -> list[str]:
        """Return the names of the other nodes that have a client of the action."""
        node = self._node
        wanted = node.resolve_service_name(f'{self._action}/_action/send_goal')
        found = set()
        for name, namespace in node.get_node_names_and_namespaces():
            try:
                clients = node.get_client_names_and_types_by_node(name, namespace)
            except RuntimeError:  # it has gone in the meantime
                continue
            full = f'{namespace.rstrip("/")}/{name}'
            if full != node.get_fully_qualified_name() and wanted in dict(clients):
                found.add(full)
        return sorted(found)
