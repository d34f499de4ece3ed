"""Controllers that take poses: crisp's, and Cartesian compliance as of FZI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geometry_msgs.msg import PoseStamped

from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, encode_pose
from jepa_wm_ros.sim.drivers.impedance import ImpedanceController, ImpedanceSettings

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

# Stiffer, and without crisp's filter and clip.
COMPLIANCE = ImpedanceSettings(
    stiffness=900.0, error_clip_m=1.0, error_clip_rad=3.0, filter=1.0, looks_at_numbers=True
)


class CrispFace:
    """crisp's CartesianController and PoseBroadcaster.

    Targets on `target_pose` count in the base frame whatever their header says, and not at all
    while the topic has several publishers.
    """

    def __init__(self, host: Host) -> None:
        """Create the topics."""
        self._host = host
        self.controller = ImpedanceController(host.simulation.kinematics, host.tool)
        node = host.node
        self._topic = node.resolve_topic_name('target_pose')
        node.create_subscription(PoseStamped, 'target_pose', self._on_target, qos.latest())
        self._poses = node.create_lifecycle_publisher(PoseStamped, 'current_pose', qos.events())

    def _on_target(self, message: PoseStamped) -> None:
        self._host.present_s()
        publishers = self._host.node.count_publishers(self._topic)
        if not self.controller.target(decode_pose(message.pose), publishers):
            self._host.node.get_logger().warning(
                f'target ignored: {publishers} publishers on {self._topic}',
                throttle_duration_sec=1.0,
            )

    def tick(self, stamp: Time) -> None:
        """Publish where the end effector is."""
        simulation = self._host.simulation
        message = PoseStamped(pose=encode_pose(self.controller.pose(simulation.joint_positions)))
        message.header.stamp, message.header.frame_id = stamp, self._host.base_frame
        self._poses.publish(message)


class ComplianceFace:
    """FZI's cartesian_compliance_controller: a target in another frame than its own is ignored."""

    def __init__(self, host: Host, name: str = 'cartesian_compliance_controller') -> None:
        """Create the topic."""
        self._host = host
        self.controller = ImpedanceController(host.simulation.kinematics, host.tool, COMPLIANCE)
        host.node.create_subscription(
            PoseStamped, f'{name}/target_frame', self._on_target, qos.events()
        )

    def _on_target(self, message: PoseStamped) -> None:
        self._host.present_s()
        frame = message.header.frame_id
        if frame == self._host.base_frame:
            self.controller.target(decode_pose(message.pose))
            return
        self._host.node.get_logger().warning(
            f'target ignored: its frame is {frame!r}, not {self._host.base_frame!r}',
            throttle_duration_sec=1.0,
        )

    def tick(self, stamp: Time) -> None:
        """Say nothing."""
