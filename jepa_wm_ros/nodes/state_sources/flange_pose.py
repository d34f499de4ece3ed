"""The flange as the driver measures it: from its own pose topic, or from tf."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.frame_tree import FrameTree
from jepa_wm_ros.robot.poses import Pose, from_quaternion_xyzw
from jepa_wm_ros.robot.tool import Tool
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp

if TYPE_CHECKING:
    from typing import Any

    from jepa_wm_ros.ros.lifecycle import ManagedNode


class FrameError(JepaWmError):
    """A pose is given in another frame than the one that is expected."""


OnPose = Callable[[float, Pose], object]
"""Gets the time [s, ROS clock] and the flange in the base frame."""


class PoseTopicSource:
    """Takes a driver's pose of its end effector (PoseStamped) and says where the flange is.

    franka_robot_state_broadcaster publishes `O_T_EE` on `current_pose`, best effort: the end
    effector that is set in Desk. crisp's pose broadcaster means the hand's tool centre point.
    """

    def __init__(
        self,
        node: ManagedNode,
        topic: str,
        tool: Tool,
        on_pose: OnPose,
        *,
        base_frame: str = '',
    ) -> None:
        """Subscribe; poses in another frame than `base_frame`, if it is given, are left out."""
        self._topic, self._base_frame = topic, base_frame
        self._tool, self._on_pose = tool, on_pose
        node.create_subscription(PoseStamped, topic, self._on_message, qos.sensor(10))

    def _on_message(self, message: PoseStamped) -> None:
        frame = message.header.frame_id
        if self._base_frame and frame not in ('', self._base_frame):
            raise FrameError(
                f'{self._topic} is in the frame {frame}, not in {self._base_frame} (base_frame)'
            )
        pose = self._tool.to_flange(decode_pose(message.pose))
        self._on_pose(decode_stamp(message.header.stamp), pose)


class TfSource:
    """Follows the flange in the tree of frames on tf and tf_static."""

    def __init__(
        self, node: ManagedNode, base_frame: str, flange_frame: str, on_pose: OnPose
    ) -> None:
        """Subscribe.

        Raises:
            MessageClassError: tf2_msgs is not installed.
        """
        kind = driver_interface('tf2_msgs/msg/TFMessage')
        self._tree = FrameTree(base_frame, flange_frame)
        self._on_pose = on_pose
        # As tf2_ros does: static transforms are kept for who comes late.
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(kind, '/tf', self._on_moving, QoSProfile(depth=100))
        node.create_subscription(kind, '/tf_static', self._take, latched)

    def _on_moving(self, message: Any) -> None:
        stamp_s = self._take(message)
        pose = None if stamp_s is None else self._tree.tip()
        if stamp_s is not None and pose is not None:
            self._on_pose(stamp_s, pose)

    def _take(self, message: Any) -> float | None:
        """Keep the transforms; return the time of the newest one that leads to the flange [s]."""
        stamps = []
        for item in message.transforms:
            move, turn = item.transform.translation, item.transform.rotation
            pose = from_quaternion_xyzw((move.x, move.y, move.z), (turn.x, turn.y, turn.z, turn.w))
            if self._tree.set(item.child_frame_id, item.header.frame_id, pose):
                stamps.append(decode_stamp(item.header.stamp))
        return max(stamps, default=None)
