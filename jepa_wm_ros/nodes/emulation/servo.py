"""MoveIt Servo: as of Iron and later, and as of Humble."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.qos import qos_profile_system_default
from std_msgs.msg import Int8
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, now_s
from jepa_wm_ros.sim.drivers.servo import MoveItServo, MoveItServoSettings, ServoCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from builtin_interfaces.msg import Time

_HUMBLE_CODES = {ServoCode.JOINT_BOUND: 5}


class ServoFace:
    """Servo under the name of its node, `servo_node`."""

    def __init__(
        self, host: Host, release: str, settings: MoveItServoSettings, name: str = 'servo_node'
    ) -> None:
        """Create topics and services.

        Args:
            host: Where it lives.
            release: 'switch' (Iron and later) or 'start' (Humble: twists only, to be started).
            settings: How it is configured.
            name: Of its node.

        Raises:
            MessageClassError: moveit_msgs is not installed.
        """
        self._host, self._humble = host, release == 'start'
        settings = replace(settings, humble=self._humble, base_frame=host.base_frame)
        self.controller = MoveItServo(host.simulation.kinematics, host.tool, settings)
        node, create = host.node, host.node.create_subscription
        depth = qos_profile_system_default
        create(TwistStamped, f'{name}/delta_twist_cmds', self._on_twist, depth)
        kind: Any = Int8
        if self._humble:
            servo = self.controller
            deeds = {
                'start': servo.start,
                'stop': lambda: servo.pause(True),
                'pause': lambda: servo.pause(True),
                'unpause': lambda: servo.pause(False),
            }
            for word, deed in deeds.items():
                node.create_service(Trigger, f'{name}/{word}_servo', _answering(deed))
        else:
            kind = driver_interface('moveit_msgs/msg/ServoStatus')
            switch = driver_interface('moveit_msgs/srv/ServoCommandType')
            node.create_service(switch, f'{name}/switch_command_type', self._on_switch)
            node.create_service(SetBool, f'{name}/pause_servo', self._on_pause)
            create(PoseStamped, f'{name}/pose_target_cmds', self._on_pose, depth)
        self._status_type = kind
        self._status = node.create_lifecycle_publisher(kind, f'{name}/status', qos.events())

    def tick(self, stamp: Time) -> None:
        """Publish the status, if Servo's loop does."""
        if self.controller.silent:
            return
        code = self.controller.code
        if self._humble:
            self._status.publish(Int8(data=_HUMBLE_CODES.get(code, int(code))))
        else:
            text = code.name.replace('_', ' ').lower()
            self._status.publish(self._status_type(code=int(code), message=text))

    def _on_twist(self, message: TwistStamped) -> None:
        linear, angular = message.twist.linear, message.twist.angular
        twist = np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
        header = message.header
        self.controller.twist(self._host.present_s(), twist, header.frame_id, self._age_s(header))

    def _on_pose(self, message: PoseStamped) -> None:
        present_s, header = self._host.present_s(), message.header
        pose = decode_pose(message.pose)
        self.controller.pose(present_s, pose, header.frame_id, self._age_s(header))

    def _age_s(self, header: Any) -> float:
        """Return how old a stamp is [s]; infinite without one."""
        stamp_s = decode_stamp(header.stamp)
        return now_s(self._host.node) - stamp_s if stamp_s else math.inf

    def _on_switch(self, request: Any, response: Any) -> Any:
        response.success = self.controller.switch(request.command_type)
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self.controller.pause(request.data)
        response.message = 'Servoing disabled' if request.data else 'Servoing enabled'
        return response


def _answering(deed: Callable[[], bool]) -> Callable[[Any, Any], Any]:
    """Return a callback of a `Trigger` service that does something."""

    def callback(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = deed()
        return response

    return callback
