"""Grippers that take their commands on a topic, and none at all."""

from __future__ import annotations

from builtin_interfaces.msg import Duration
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.grippers.gripper import GripperWiring
from jepa_wm_ros.robot.gate import ClearedGrip
from jepa_wm_ros.ros import qos

_TRAJECTORY_NS = 300_000_000
"""Time that a trajectory gives the gripper for a command [ns]."""


class Float64Gripper:
    """Publishes `gripper_command` (Float64), in the driver's unit."""

    def __init__(self, wiring: GripperWiring) -> None:
        """Create the publisher."""
        self._codec = wiring.codec
        self._publisher = wiring.node.create_lifecycle_publisher(
            Float64, wiring.topic or 'gripper_command', qos.latest()
        )

    def send(self, cleared: ClearedGrip) -> None:
        """Publish the position."""
        self._publisher.publish(Float64(data=self._codec.encode(cleared.closedness)))

    def obstacle(self) -> str:
        """Nothing is in the way: a model that leaves its gripper open needs no listener."""
        return ''


class TrajectoryGripper:
    """Publishes `gripper_trajectory` (JointTrajectory) with one point for its joint."""

    def __init__(self, wiring: GripperWiring) -> None:
        """Create the publisher."""
        self._codec, self._joint = wiring.codec, wiring.joint
        self._publisher = wiring.node.create_lifecycle_publisher(
            JointTrajectory, wiring.topic or 'gripper_trajectory', qos.latest()
        )

    def send(self, cleared: ClearedGrip) -> None:
        """Publish the position, to be reached within 0.3 s."""
        point = JointTrajectoryPoint(
            positions=[self._codec.encode(cleared.closedness)],
            velocities=[0.0],
            time_from_start=Duration(nanosec=_TRAJECTORY_NS),
        )
        self._publisher.publish(JointTrajectory(joint_names=[self._joint], points=[point]))

    def obstacle(self) -> str:
        """Why commands would not reach the gripper: nobody listens."""
        if self._publisher.get_subscription_count():
            return ''
        return (
            f'nobody listens on {self._publisher.topic_name}: is the controller of the gripper '
            'active, is its name right (parameter gripper_topic)? '
            'gripper_driver: none does without'
        )


class NoGripper:
    """Sends nothing."""

    def __init__(self, wiring: GripperWiring) -> None:
        """Create nothing."""

    def send(self, cleared: ClearedGrip) -> None:
        """Do nothing."""

    def obstacle(self) -> str:
        """Nothing is in the way."""
        return ''
