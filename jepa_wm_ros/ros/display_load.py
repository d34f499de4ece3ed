"""What a display asks of a graph, and how regular the commands stay beside it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from nav_msgs.msg import Path
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.connection import GraphError
from jepa_wm_ros.ros.faults.jitter import PERIOD_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
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
_COMMANDS = 1000
_LEAST_INTERVALS = 100
_STEPS = 1000
_END_S = 10.0
_AGAIN_S = 0.2
_SIZE = (180, 320, 3)


def listen_as_rviz(node: Node) -> None:
    """Listen to everything that is drawn, and do nothing with it."""
    for topic, kind in TOPICS.items():
        node.create_subscription(kind, topic, lambda _: None, _QUEUE)


class LoadError(JepaWmError):
    """There is too little to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularity:
    """How far intervals between set-points were off their period.

    Attributes:
        intervals: How many, within motions.
        p50_s: Median [s].
        p99_s: What 99 % of them keep [s].
        longest_s: The worst [s].
    """

    intervals: int
    p50_s: float
    p99_s: float
    longest_s: float

    @classmethod
    def of(cls, off_s: NDArray[np.float64]) -> Regularity:
        """Sum up the distances of intervals from the period [s].

        Raises:
            LoadError: The arm has hardly moved.
        """
        if len(off_s) < _LEAST_INTERVALS:
            raise LoadError(
                f'the arm has hardly moved ({len(off_s)} commands): measure for longer, or look '
                'into the logs of the run'
            )
        p50, p99, longest = (float(value) for value in np.percentile(off_s, (50, 99, 100)))
        return cls(intervals=len(off_s), p50_s=p50, p99_s=p99, longest_s=longest)


class CommandLog:
    """Notes when set-points were sent, by the clock of who sent them.

    Args:
        node: In the graph.
    """

    def __init__(self, node: Node) -> None:
        self._sent: list[tuple[float, bool]] = []
        node.create_subscription(JointTrajectory, 'joint_trajectory', self._note, _COMMANDS)

    def take(self) -> NDArray[np.float64]:
        """Return how far intervals within motions were off the period [s], and begin anew."""
        sent, self._sent = self._sent, []
        if not sent:
            return np.zeros(0)
        moving = np.array([moves for _, moves in sent[:-1]], dtype=bool)
        # the first command of a motion goes at once, and the second one with the next beat
        beaten = moving & np.append(False, moving[:-1])
        return np.abs(np.diff([sent_s for sent_s, _ in sent])[beaten] - PERIOD_S)

    def _note(self, message: JointTrajectory, info: dict[str, int]) -> None:
        # behind a command that stands still comes a pause: another motion, or none
        moves = bool(np.any(message.points[0].velocities))
        self._sent.append((info['source_timestamp'] * 1e-9, moves))


@contextlib.contextmanager
def wandering(client: GraphClient) -> Iterator[None]:
    """Have the arm pursue a goal that cannot be reached, as long as the block lasts."""
    client.configure_planner(stall_steps=0)
    client.arm()
    picture = np.random.default_rng(0).integers(0, 256, _SIZE, dtype=np.uint8)

    ended = threading.Event()

    def pursue() -> None:
        while not ended.is_set():
            # a watchdog that has doubts ends the goal, not what is measured
            with contextlib.suppress(GraphError):
                client.reach([picture], max_steps=_STEPS)
            if not ended.wait(_AGAIN_S):
                with contextlib.suppress(GraphError):
                    client.reset_fault()
                    client.arm()

    thread = threading.Thread(target=pursue, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        client.clear_goal()
        thread.join(_END_S)
