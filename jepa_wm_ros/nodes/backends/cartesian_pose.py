"""Set-points as poses: crisp, Cartesian impedance and compliance controllers, Servo's POSE."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.servo import POSE, ServoSwitch
from jepa_wm_ros.nodes.backends.streaming import StreamingBackend
from jepa_wm_ros.robot.gate import ClearedCommand
from jepa_wm_ros.ros.conversions import encode_pose


class CartesianPoseBackend(StreamingBackend):
    """Publishes `target_pose` (PoseStamped): the driver's end effector in the base frame."""

    message_type = PoseStamped
    default_topic = 'target_pose'

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher; have MoveIt Servo take poses if it listens.

        Raises:
            MessageClassError: The messages of MoveIt are not installed.
            ServoError: This release of Servo takes no poses.
        """
        super().__init__(wiring)
        self._servo = ServoSwitch.of(wiring, str(self._publisher.topic_name), POSE)

    def obstacle(self) -> str:
        """Why commands would not reach the arm."""
        return super().obstacle() or ('' if self._servo is None else self._servo.obstacle())

    def encode(self, cleared: ClearedCommand) -> PoseStamped:
        """Write the pose of the driver's end effector."""
        if self._servo is not None:
            self._servo.sent(cleared.command)
        wiring = self._wiring
        message = PoseStamped(pose=encode_pose(wiring.tool.of_flange(cleared.command.pose)))
        message.header.frame_id = wiring.base_frame
        message.header.stamp = wiring.node.get_clock().now().to_msg()
        return message
