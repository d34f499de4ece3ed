"""What happens in a running graph, told in plain numbers and arrays to whoever listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import Plan
from sensor_msgs.msg import Image

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_stamp
from jepa_wm_ros.ros.images import decode_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rclpy.node import Node


class GraphListener(Protocol):
    """Wants to know what happens in the graph; called on the node's executor."""

    def on_picture(self, stamp_s: float, picture: NDArray[np.uint8]) -> None:
        """A camera picture `(H, W, 3)` uint8 RGB."""
        ...

    def on_position(self, stamp_s: float, position: NDArray[np.float64]) -> None:
        """The true flange position `(3,)` in the base frame [m]."""
        ...

    def on_plan(
        self,
        *,
        stamp_s: float,
        observation_stamp_s: float,
        step: int,
        cost: float,
        plan_time_s: float,
        action: tuple[float, ...],
        restarted: bool,
        deadline_hit: bool,
        planned: tuple[tuple[float, ...], ...],
    ) -> None:
        """A plan, as `jepa_wm_msgs/Plan` describes it; `action` is the first of those planned."""
        ...


def listen(node: Node, listener: GraphListener, *, pictures: bool = True) -> None:
    """Tell a listener of plans, true positions and, if wanted, camera pictures."""
    node.create_subscription(Plan, 'plan', _plan(listener), qos.events())
    node.create_subscription(
        PoseStamped, 'ground_truth', _position(listener), qos.sensor(depth=50)
    )
    if pictures:
        node.create_subscription(Image, 'image', _picture(listener), qos.sensor(depth=5))


def _plan(listener: GraphListener) -> Callable[[Plan], None]:
    def tell(message: Plan) -> None:
        listener.on_plan(
            stamp_s=decode_stamp(message.header.stamp),
            observation_stamp_s=decode_stamp(message.observation_stamp),
            step=message.step,
            cost=message.cost_now,
            plan_time_s=message.plan_time_s,
            action=tuple(message.actions[: message.action_dim]),
            restarted=message.restarted,
            deadline_hit=message.deadline_hit,
            planned=_rows(message),
        )

    return tell


def _rows(message: Plan) -> tuple[tuple[float, ...], ...]:
    width = max(1, message.action_dim)
    return tuple(
        tuple(message.actions[i : i + width]) for i in range(0, len(message.actions), width)
    )


def _position(listener: GraphListener) -> Callable[[PoseStamped], None]:
    def tell(message: PoseStamped) -> None:
        at = message.pose.position
        listener.on_position(decode_stamp(message.header.stamp), np.array([at.x, at.y, at.z]))

    return tell


def _picture(listener: GraphListener) -> Callable[[Image], None]:
    def tell(message: Image) -> None:
        listener.on_picture(decode_stamp(message.header.stamp), decode_image(message))

    return tell
