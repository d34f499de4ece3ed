"""Getting MoveIt Servo ready for our commands, and hearing what it says, and what it does not.

Since Iron, Servo has a service that sets the type of commands and drops the others; on Humble it
takes twists only and wants to be started. Its status says why it slows down or halts. It does not
say that its type was switched, or on Humble that it was paused: then only the arm tells, which
stays where it is.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from std_msgs.msg import Int8
from std_srvs.srv import Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.poses import distance
from jepa_wm_ros.ros import qos

if TYPE_CHECKING:
    from jepa_wm_ros.robot.motion import ArmCommand
    from jepa_wm_ros.robot.poses import Pose

TWIST, POSE = 1, 2
_RETRY_S = 0.5
_LISTEN_S = 0.1
_SILENT_LOOKS = 5
# An arm that moves less than a part of what it lacks, while it lacks so much, for so long.
_STILL_PART, _FAR_M, _STILL_S, _SAMPLES = 0.1, 0.02, 0.3, 5
_LEVER_M = 0.2
_HALTS = {
    'switch': {2: 'a singularity', 5: 'a collision', 6: 'a joint limit'},
    'start': {2: 'a singularity', 4: 'a collision', 5: 'a joint limit'},
}


class ServoError(JepaWmError):
    """MoveIt Servo cannot be used as asked."""


class ServoSwitch:
    """Asks Servo to take one type of commands until it agrees, and passes on why it halts.

    It complains, too, when Servo falls silent (paused, stopped, dead), when another Servo takes
    its place, and when the arm stays where it is although it is told to move.
    """

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
        self._heard, self._quiet_looks = False, 0
        self._servers: frozenset[bytes] = frozenset()
        self._heed = Heed()
        node = wiring.node
        self._status = f'{prefix}/status'
        if self._release == 'start':
            if command_type != TWIST:
                raise ServoError('Servo on Humble takes no poses: use the backend servo_twist')
            self._service, self._request = f'{prefix}/start_servo', Trigger.Request()
            self._client = node.create_client(Trigger, self._service)
            node.create_subscription(Int8, self._status, self._on_number, qos.sensor(10))
        else:
            service = driver_interface('moveit_msgs/srv/ServoCommandType')
            status = driver_interface('moveit_msgs/msg/ServoStatus')
            self._service = f'{prefix}/switch_command_type'
            self._request = service.Request(command_type=command_type)
            self._client = node.create_client(service, self._service)
            node.create_subscription(status, self._status, self._on_status, qos.sensor(10))
        node.create_timer(_RETRY_S, self._ask)
        node.create_timer(_LISTEN_S, self._listen)

    @classmethod
    def of(cls, wiring: Wiring, topic: str, command_type: int) -> ServoSwitch | None:
        """Make the switch of the Servo that listens on a topic; None without a Servo."""
        if wiring.servo.release == 'none':
            return None
        return cls(wiring, topic.rpartition('/')[0], command_type)

    def obstacle(self) -> str:
        """Why Servo would ignore our commands; empty when it would not.

        Nobody can be asked which type Servo takes: it is set again here, in case that somebody has
        switched it since.
        """
        if not (self._ready and self._client.service_is_ready()):
            return f'MoveIt Servo has not agreed to our commands ({self._service}): is it running?'
        if self._silent:
            return f'MoveIt Servo says nothing ({self._status}): was it paused or stopped?'
        if self._release != 'start':
            self._request_it()
        return ''

    def sent(self, command: ArmCommand) -> None:
        """Note what was commanded; complain when the arm stays where it is all the same."""
        if self._heed.ignored(command, self._wiring.measured(), time.monotonic()):
            self._wiring.complain(
                'the arm stays where it is, and MoveIt Servo says nothing of it: somebody has '
                f'switched its command type, paused it, or its controller is off ({self._service} '
                'sets the type; arming does, too)'
            )

    @property
    def _silent(self) -> bool:
        return not self._heard or self._quiet_looks >= _SILENT_LOOKS

    def _ask(self) -> None:
        """Ask again until Servo agrees; a Servo that was restarted has forgotten it."""
        if self._replaced():
            self._ready = False
        if not self._client.service_is_ready():
            self._ready, self._answer = False, None
        elif not self._ready:
            self._request_it()

    def _request_it(self) -> None:
        if self._answer is None:
            self._answer = self._client.call_async(self._request)
            self._answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: Any) -> None:
        if answer is not self._answer:
            return
        self._answer, before = None, self._ready
        self._ready = not answer.cancelled() and bool(answer.result().success)
        if before and not self._ready:
            self._wiring.complain(f'MoveIt Servo takes our commands no more ({self._service})')

    def _replaced(self) -> bool:
        """Whether the Servo that we knew is gone; complain of it."""
        infos = self._wiring.node.get_publishers_info_by_topic(self._status)
        servers = frozenset(bytes(info.endpoint_gid) for info in infos)
        gone, self._servers = self._servers - servers, servers
        if gone and self._ready:
            self._wiring.complain(
                f'MoveIt Servo is gone, or was started anew ({self._status}): look at it, then '
                'arm again'
            )
        return bool(gone)

    def _listen(self) -> None:
        """Count looks without a word, not time: when we slept, the words still wait for us."""
        self._quiet_looks += 1
        if self._heard and self._quiet_looks == _SILENT_LOOKS:
            self._wiring.complain(
                f'MoveIt Servo has fallen silent ({self._status}): was it paused or stopped?'
            )

    def _on_status(self, status: Any) -> None:
        self._halted(status.code, status.message)

    def _on_number(self, status: Int8) -> None:
        self._halted(status.data, '')

    def _halted(self, code: int, message: str) -> None:
        self._heard, self._quiet_looks = True, 0
        cause = _HALTS[self._release].get(code)
        if cause is not None:
            self._wiring.complain(f'MoveIt Servo halts because of {cause}. {message}'.strip())


class Heed:
    """Notices that an arm stays where it is although it is told to be elsewhere."""

    def __init__(self) -> None:
        """Begin with nothing commanded."""
        self._seen: deque[tuple[float, Pose]] = deque()

    def ignored(self, command: ArmCommand, measured: Pose | None, now_s: float) -> bool:
        """Say whether the arm has stood still for a while, far from where it is told to be.

        It is judged by what was measured since, so that silent joint states prove nothing.

        Args:
            command: What is sent.
            measured: Where the flange is; None when that is not known.
            now_s: The moment [s] of a clock that always runs.
        """
        if command.hold or measured is None or _apart(command.pose, measured) < _FAR_M:
            self._seen.clear()
            return False
        seen = self._seen
        if not seen or seen[-1][1] is not measured:
            seen.append((now_s, measured))
        while len(seen) > 1 and now_s - seen[1][0] >= _STILL_S:
            seen.popleft()
        since_s, then = seen[0]
        if now_s - since_s < _STILL_S or len(seen) < _SAMPLES:
            return False
        return _apart(then, measured) < _STILL_PART * _apart(command.pose, measured)


def _apart(one: Pose, other: Pose) -> float:
    """Return how far two poses are apart [m]; turning the hand counts by its length."""
    metres, radians = distance(one, other)
    return metres + _LEVER_M * radians
