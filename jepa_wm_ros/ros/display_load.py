"""What a display asks of a graph, for measuring what it costs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np
from nav_msgs.msg import Path
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from jepa_wm_ros.ros.connection import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rclpy.node import Node

    from jepa_wm_ros.ros.client import GraphClient

TOPICS = {
    'plan_markers': MarkerArray,
    'scene_markers': MarkerArray,
    'planned_path': Path,
    'executed_path': Path,
    '/tf': TFMessage,
    'cost_image': Image,
    'difference_image': Image,
    'landscape_image': Image,
    'predicted_image': Image,
}
"""What our RViz file shows and our own nodes draw."""
_QUEUE = 10
_STEPS = 1000
_END_S = 10.0
_SIZE = (180, 320, 3)


def listen_as_rviz(node: Node) -> None:
    """Listen to everything that is drawn, and do nothing with it."""
    for topic, kind in TOPICS.items():
        node.create_subscription(kind, topic, lambda _: None, _QUEUE)


@contextlib.contextmanager
def wandering(client: GraphClient) -> Iterator[None]:
    """Have the arm pursue a goal that cannot be reached, as long as the block lasts."""
    client.configure_planner(stall_steps=0)
    client.arm()
    picture = np.random.default_rng(0).integers(0, 256, _SIZE, dtype=np.uint8)

    def pursue() -> None:
        with contextlib.suppress(GraphError):  # it ends as soon as a watchdog has doubts
            client.reach([picture], max_steps=_STEPS)

    thread = threading.Thread(target=pursue, daemon=True)
    thread.start()
    try:
        yield
    finally:
        client.clear_goal()
        thread.join(_END_S)
