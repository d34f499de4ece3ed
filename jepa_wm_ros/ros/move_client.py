"""Small moves of the arm from outside, and what the encoder sees between them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import Plan
from rclpy.action import ActionClient

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose
from jepa_wm_ros.ros.tensors import decode_latent

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.worldmodel.latent import Latent

_LOOK_S = 0.02
_REST_S = 0.2
"""Pictures of the arm at rest: this long after it has settled."""
_SLACK_S = 15.0
_ARRIVED = (ExecuteActions.Result.SUCCEEDED, ExecuteActions.Result.NOT_SETTLED)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the encoder saw.

    Attributes:
        latent: Of the picture.
        pose: Flange in the base frame at that time.
        stamp: When the picture was taken.
        camera: Frame of the picture.
        bundle: Fingerprint of the encoder's bundle.
    """

    latent: Latent
    pose: Pose
    stamp: Time
    camera: str
    bundle: str


class MoveClient(GraphClient):
    """A connection to a running graph that moves the arm by itself, without planner and goals."""

    def __init__(self, *, namespace: str = '') -> None:
        super().__init__(namespace=namespace)
        self._newest: LatentMessage | None = None
        self._execute = ActionClient(self.node, ExecuteActions, 'execute')
        self.node.create_subscription(LatentMessage, 'latent', self._keep_latent, qos.latest())

    @property
    def base_frame(self) -> str:
        """The frame of motions, as the action publisher tells it; '' before it was heard."""
        return '' if self._status is None else str(self._status.header.frame_id)

    def look(self, after_s: float = -math.inf, timeout_s: float = 20.0) -> Look:
        """Return what the encoder sees next.

        Args:
            after_s: The picture is taken later than this [s], ROS clock.
            timeout_s: How long to wait [s].

        Raises:
            GraphError: It sees nothing.
        """
        self._newest = None
        deadline = time.monotonic() + timeout_s
        while (message := self._seen_after(after_s)) is None:
            if time.monotonic() > deadline:
                raise GraphError(
                    f'no latent within {timeout_s:g} s; is the encoder active, and does the '
                    'camera send pictures?'
                )
            time.sleep(_LOOK_S)
        return Look(
            latent=decode_latent(message),
            pose=decode_pose(message.ee_pose),
            stamp=message.header.stamp,
            camera=message.header.frame_id,
            bundle=message.bundle,
        )

    def move(self, look: Look, position: NDArray[np.float64], speed_m_s: float) -> Look:
        """Move the flange to a position `(3,)` [m], base frame, wait for rest and look again.

        An interrupted move is cancelled: the arm holds.

        Args:
            look: What was seen last; the move begins at its pose.
            position: Where to go.
            speed_m_s: Mean speed [m/s].

        Raises:
            GraphError: The action publisher refuses, or the arm does not arrive.
        """
        way = position - look.pose.position
        duration_s = max(float(np.linalg.norm(way)) / speed_m_s, 0.5)
        result = self._run(_plan(look, way, duration_s), duration_s)
        if result.code not in _ARRIVED:
            raise GraphError(f'the arm did not make a move: {result.message or result.code}')
        return self.look(decode_stamp(result.completed) + _REST_S)

    def _run(self, plan: Plan, duration_s: float) -> Any:
        self._find(self._execute.server_is_ready, 'execute')
        goal = ExecuteActions.Goal(plan=plan)
        handle = self._ask(lambda: self._execute.send_goal_async(goal), 'execute')
        if not handle.accepted:
            raise GraphError('the action publisher rejects a move; is it active? see its log')
        finishing = self.start(handle.get_result_async)
        try:
            return self._wait(finishing, 'execute', duration_s + _SLACK_S).result
        except BaseException:
            self._cancel(handle, finishing)
            raise

    def _seen_after(self, stamp_s: float) -> LatentMessage | None:
        """Return the newest latent if its picture is young enough."""
        newest = self._newest
        if newest is None or decode_stamp(newest.header.stamp) < stamp_s:
            return None
        return newest

    def _keep_latent(self, message: LatentMessage) -> None:
        self._newest = message


def _plan(look: Look, way: NDArray[np.float64], duration_s: float) -> Plan:
    """A plan of one action; without a bundle, for it is meant in the base frame already."""
    plan = Plan(
        observation_stamp=look.stamp,
        observation_pose=encode_pose(look.pose),
        step_duration_s=duration_s,
        action_dim=7,
        horizon=1,
        execute_steps=1,
        actions=[*(float(value) for value in way), 0.0, 0.0, 0.0, 0.0],
    )
    plan.header.stamp = look.stamp
    return plan
