"""Set-points as twists for MoveIt Servo."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.servo import TWIST, ServoError, ServoSwitch
from jepa_wm_ros.nodes.backends.streaming import StreamingBackend
from jepa_wm_ros.robot.gate import ClearedCommand
from jepa_wm_ros.robot.motion import ArmCommand
from jepa_wm_ros.robot.twist_following import TwistFollowing


class ServoTwistBackend(StreamingBackend):
    """Publishes `delta_twist_cmds` (TwistStamped): the end effector's twist, base axes.

    Servo halts by itself 0.1 s after the last message. A hold is a zero twist, which is right on
    a velocity and only there.
    """

    message_type = TwistStamped
    default_topic = 'delta_twist_cmds'

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher, and have Servo take twists.

        Raises:
            MessageClassError: The messages of MoveIt are not installed.
            ServoError: No release of Servo is given.
        """
        super().__init__(wiring)
        servo = wiring.servo
        switch = ServoSwitch.of(wiring, str(self._publisher.topic_name), TWIST)
        if switch is None:
            raise ServoError('backend servo_twist needs the parameter servo: switch or start')
        self._switch = switch
        self._scale = np.repeat([servo.linear_scale, servo.rotational_scale], 3)
        self._law = TwistFollowing(
            gain=servo.gain,
            max_speed_m_s=servo.max_speed_m_s,
            max_rotation_speed_rad_s=servo.max_rotation_speed_rad_s,
        )

    def obstacle(self) -> str:
        """Why commands would not reach the arm."""
        return super().obstacle() or self._switch.obstacle()

    def encode(self, cleared: ClearedCommand) -> TwistStamped:
        """Write the twist, in the unit that Servo is configured for."""
        self._switch.sent(cleared.command)
        wiring = self._wiring
        x, y, z, roll, pitch, yaw = (self._twist(cleared.command) / self._scale).tolist()
        message = TwistStamped()
        message.header.frame_id = wiring.base_frame
        message.header.stamp = wiring.node.get_clock().now().to_msg()
        linear, angular = message.twist.linear, message.twist.angular
        linear.x, linear.y, linear.z = x, y, z
        angular.x, angular.y, angular.z = roll, pitch, yaw
        return message

    def _twist(self, command: ArmCommand) -> NDArray[np.float64]:
        """Return the end effector's twist (6,) [m/s, rad/s]; zero to hold."""
        measured = self._wiring.measured()
        if command.hold or measured is None:
            return np.zeros(6)
        twist = self._law.command(command.pose, command.twist, measured)
        return self._wiring.tool.twist(measured, twist)
