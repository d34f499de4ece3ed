"""Getting MoveIt Servo ready for our commands, and hearing what it says.

Since Iron, Servo has a service that sets the type of commands and ignores the others; on Humble
it takes twists only and wants to be started. Its status says why it slows down or halts.
"""

from __future__ import annotations

from typing import Any

from std_msgs.msg import Int8
from std_srvs.srv import Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.ros import qos

TWIST, POSE = 1, 2
_RETRY_S = 0.5
_HALTS = {
    'switch': {2: 'a singularity', 5: 'a collision', 6: 'a joint limit'},
    'start': {2: 'a singularity', 4: 'a collision', 5: 'a joint limit'},
}


class ServoError(JepaWmError):
    """MoveIt Servo cannot be used as asked."""


class ServoSwitch:
    """Asks Servo to take one type of commands until it agrees, and passes on why it halts."""

    def __init__(self, wiring: Wiring, prefix: str, command_type: int) -> None:
        """Create the client and the subscription.

        Args:
            wiring: Of the backend.
            prefix: Name of Servo's node, below which its services are.
            command_type: TWIST or POSE.

        Raises:
            MessageClassError: The messages of MoveIt are not installed.
            ServoError: This release takes no poses.
        """
        self._wiring, self._release = wiring, wiring.servo.release
        self._ready = False
        self._answer: Any = None
        node = wiring.node
        if self._release == 'start':
            if command_type != TWIST:
                raise ServoError('Servo on Humble takes no poses: use the backend servo_twist')
            self._service, self._request = f'{prefix}/start_servo', Trigger.Request()
            self._client = node.create_client(Trigger, self._service)
            node.create_subscription(Int8, f'{prefix}/status', self._on_number, qos.sensor(10))
        else:
            service = driver_interface('moveit_msgs/srv/ServoCommandType')
            status = driver_interface('moveit_msgs/msg/ServoStatus')
            self._service = f'{prefix}/switch_command_type'
            self._request = service.Request(command_type=command_type)
            self._client = node.create_client(service, self._service)
            node.create_subscription(status, f'{prefix}/status', self._on_status, qos.sensor(10))
        node.create_timer(_RETRY_S, self._ask)

    @classmethod
    def of(cls, wiring: Wiring, topic: str, command_type: int) -> ServoSwitch | None:
        """Make the switch of the Servo that listens on a topic; None without a Servo."""
        if wiring.servo.release == 'none':
            return None
        return cls(wiring, topic.rpartition('/')[0], command_type)

    def obstacle(self) -> str:
        """Why Servo would ignore our commands; empty when it would not."""
        if self._ready and self._client.service_is_ready():
            return ''
        return f'MoveIt Servo has not agreed to our commands ({self._service}): is it running?'

    def _ask(self) -> None:
        """Ask again until Servo agrees; a Servo that was restarted has forgotten it."""
        if not self._client.service_is_ready():
            self._ready, self._answer = False, None
        elif not self._ready and self._answer is None:
            self._answer = self._client.call_async(self._request)
            self._answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: Any) -> None:
        if answer is self._answer:
            self._answer = None
            self._ready = not answer.cancelled() and bool(answer.result().success)

    def _on_status(self, status: Any) -> None:
        self._halted(status.code, status.message)

    def _on_number(self, status: Int8) -> None:
        self._halted(status.data, '')

    def _halted(self, code: int, message: str) -> None:
        cause = _HALTS[self._release].get(code)
        if cause is not None:
            self._wiring.complain(f'MoveIt Servo halts because of {cause}. {message}'.strip())
