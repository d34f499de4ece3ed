"""Set-points as one-point joint trajectories, for ros2_control's joint_trajectory_controller."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Duration as DurationMessage
from rclpy.duration import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.robot.motion import ArmCommand
from jepa_wm_ros.ros import qos


class JointTrajectoryBackend:
    """Publishes `joint_trajectory`; positions and velocities, so that the spline is smooth."""

    moves = True

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher."""
        self._publisher = wiring.node.create_lifecycle_publisher(
            JointTrajectory, 'joint_trajectory', qos.latest()
        )
        self._names = list(wiring.joint_names)
        self._step = _duration(wiring.lookahead_s)
        # A hold asks for a standstill: the controller gets time to brake instead of a jump.
        self._hold = _duration(wiring.hold_time_s)

    @property
    def topic(self) -> str:
        """The command topic."""
        return str(self._publisher.topic_name)

    def delivered(self) -> bool:
        """Whether all reliable listeners have got the last command."""
        return bool(self._publisher.wait_for_all_acked(Duration(nanoseconds=0)))

    def send(self, command: ArmCommand) -> None:
        """Publish one point. The stamp stays zero, which means: begin now."""
        point = JointTrajectoryPoint()
        point.positions = array('d', command.joint_positions)
        point.velocities = array('d', command.joint_velocities)
        point.time_from_start = self._hold if command.hold else self._step
        self._publisher.publish(JointTrajectory(joint_names=self._names, points=[point]))


def _duration(seconds: float) -> DurationMessage:
    nanoseconds = round(seconds * 1e9)
    return DurationMessage(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)
