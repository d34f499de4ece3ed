"""Set-points as flange poses: Cartesian impedance controllers, MoveIt Servo, dry runs."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from rclpy.duration import Duration

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.robot.motion import ArmCommand
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_pose


class CartesianPoseBackend:
    """Publishes `target_pose` (PoseStamped), the flange in the base frame."""

    moves = True
    _name = 'target_pose'

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher."""
        self._node = wiring.node
        self._frame = wiring.base_frame
        self._publisher = wiring.node.create_lifecycle_publisher(
            PoseStamped, self._name, qos.latest()
        )

    @property
    def topic(self) -> str | None:
        """The command topic."""
        return str(self._publisher.topic_name)

    def delivered(self) -> bool:
        """Whether all reliable listeners have got the last command."""
        return bool(self._publisher.wait_for_all_acked(Duration(nanoseconds=0)))

    def send(self, command: ArmCommand) -> None:
        """Publish the pose."""
        message = PoseStamped(pose=encode_pose(command.pose))
        message.header.frame_id = self._frame
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


class DryRunBackend(CartesianPoseBackend):
    """Publishes what would be commanded on `dry_run_pose`; no arm listens to that."""

    moves = False
    _name = 'dry_run_pose'

    @property
    def topic(self) -> str | None:
        """None: a dry run disturbs nobody."""
        return None
