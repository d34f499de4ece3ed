"""Looks at everything that goes to the wire, with rules of its own and none of the gate."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.faults import SafetyState
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.robot.poses import distance

if TYPE_CHECKING:
    from jepa_wm_ros.robot.gate import ClearedCommand, ClearedGrip, ClearedRoute
    from jepa_wm_ros.robot.motion import ArmCommand, Moment
    from jepa_wm_ros.robot.safety import SafetySupervisor

Vector = NDArray[np.float64]

PERIOD_S = 0.01
LOOKAHEAD_S = 0.03
NOISE_RAD = 1e-4
_WINDOW = 12
_ROUNDING_RAD = 2e-3
_TOLERANCE = 1.06
# A motion begins where the arm was believed to be; it may have been pushed on since [rad].
_BEGINS_WITHIN_RAD = 0.2


class GateViolation(JepaWmError):  # noqa: N818 (a finding, not a failure of ours)
    """A command went to the wire that must not."""


class WatchedArm(Protocol):
    """Whose wire is watched."""

    supervisor: SafetySupervisor
    true_joints: Vector

    @property
    def now(self) -> Moment:
        """The moment on both clocks."""

    def describe(self) -> str:
        """Say what state the arm is in and what has just happened."""


@dataclass(slots=True, eq=False)
class WireWatch:
    """Looks at everything that goes to the wire.

    Attributes:
        trial: Whose wire it is.
        commands: What was sent in this life, the newest last, with the time of each [s].
        count: How many commands were sent in all.
        sets_off: Whether a motion from rest was asked for, and nothing has been sent since.
        fastest_m_s: Speed limit of the flange, the highest of the last commands.
    """

    trial: WatchedArm
    commands: deque[tuple[float, ArmCommand]] = field(
        default_factory=lambda: deque(maxlen=_WINDOW)
    )
    count: int = 0
    sets_off: bool = False
    fastest_m_s: float = 0.0

    @property
    def last(self) -> ArmCommand | None:
        """The newest command of this life."""
        return self.commands[-1][1] if self.commands else None

    def send(self, cleared: ClearedCommand) -> None:
        """Look at a set-point."""
        command = cleared.command
        self.count += 1
        self._finite(command, cleared.rest)
        self._inside(command.joint_positions, 'a command')
        self._inside(cleared.rest, 'where the arm comes to rest')
        self._in_order(command)
        self._near(command)
        self._sets_off(command)
        self.commands.append((self.trial.now.steady_s, command))

    def grip(self, cleared: ClearedGrip) -> None:
        """Look at a gripper command."""
        if not 0.0 <= cleared.closedness <= 1.0:
            self._violated(f'the gripper is commanded to {cleared.closedness}')
        if self.trial.supervisor.state is not SafetyState.EXECUTING:
            self._violated('the gripper is commanded while nothing is executed')

    def play(self, cleared: ClearedRoute) -> None:
        """Look at a motion that the controller plays."""
        state = self.trial.supervisor.state
        if cleared.points and not cleared.brakes and state is not SafetyState.EXECUTING:
            self._violated(f'a motion is played while {state.name}')
        before, before_s = self._begun(), 0.0
        for point in cleared.points:
            self._inside(point.positions, 'a point that is played')
            ahead_s = point.time_s - before_s + (LOOKAHEAD_S if before_s == 0.0 else 0.0)
            self._step(point.positions - before, ahead_s, 'a motion that is played')
            before, before_s = point.positions, point.time_s

    # -- rules ---------------------------------------------------------------------------------

    def _finite(self, command: ArmCommand, rest: Vector) -> None:
        arrays = (command.joint_positions, command.joint_velocities, command.twist, rest)
        if not (command.pose.finite and all(np.isfinite(array).all() for array in arrays)):
            self._violated('a command is not finite')

    def _inside(self, joints: Vector, what: str) -> None:
        outside = np.maximum(FER.lower - joints, joints - FER.upper).max()
        if outside > 1e-6:
            self._violated(f'{what} is {outside:.4f} rad outside of the limits')

    def _in_order(self, command: ArmCommand) -> None:
        """In which state what may be sent."""
        state, last = self.trial.supervisor.state, self.last
        ends = command.brake or command.hold
        if state is not SafetyState.EXECUTING and not ends:
            self._violated(f'a set-point of a motion is sent while {state.name}')
        if ends and last is None:
            self._violated('something that was never commanded is held')
        if not ends or last is None:
            return
        faster = np.abs(command.joint_velocities) - np.abs(last.joint_velocities)
        if faster.max() > 2e-3:
            self._violated('braking speeds up')
        if state is SafetyState.DISARMED and last.hold:
            self._violated('a disarmed arm at rest is commanded')
        if state is SafetyState.ARMED and not command.hold:
            self._violated('an arm that is only armed brakes')

    def _sets_off(self, command: ArmCommand) -> None:
        """Whoever moved the arm meanwhile: a motion from rest begins where it is."""
        if not self.sets_off or command.brake or command.hold:
            return
        self.sets_off = False
        away = np.abs(command.joint_positions - self.trial.true_joints).max()
        if away > _BEGINS_WITHIN_RAD:
            self._violated(f'a motion begins {away:.3f} rad from where the arm is')

    def _near(self, command: ArmCommand) -> None:
        """No farther from the last commands, and from the arm at first, than joints can go."""
        joints = command.joint_positions
        self._step(joints - self._begun(), LOOKAHEAD_S, 'a command')
        now_s = self.trial.now.steady_s
        self._slow_flange(command, now_s)
        for sent_s, earlier in self.commands:
            # The periods between are counted on the clock, and one may be made up for.
            way_s = now_s - sent_s + LOOKAHEAD_S + PERIOD_S
            self._step(joints - earlier.joint_positions, way_s, 'commands')

    def _slow_flange(self, command: ArmCommand, now_s: float) -> None:
        """The flange goes no faster than the supervisor allows, over the last commands."""
        if not self.commands:
            return
        sent_s, earlier = self.commands[0]
        self.fastest_m_s = max(self.fastest_m_s, self.trial.supervisor.limits.max_speed_m_s)
        way_s = now_s - sent_s + LOOKAHEAD_S + PERIOD_S
        moved, _ = distance(command.pose, earlier.pose)
        if moved > self.fastest_m_s * way_s + 1e-3:
            self._violated(f'the flange goes {moved:.3f} m within {way_s:.3f} s')

    def _begun(self) -> Vector:
        """Where the next command leads on from: the last one, or the arm itself."""
        return self.trial.true_joints if self.last is None else self.last.joint_positions

    def _step(self, change: Vector, duration_s: float, what: str) -> None:
        most = _TOLERANCE * FER.velocity * duration_s + _ROUNDING_RAD
        if self.last is None:
            most = most + 3.0 * NOISE_RAD
        over = np.abs(change) - most
        if not over.max() <= 0.0:
            joint = int(over.argmax())
            self._violated(
                f'{what}: joint {joint + 1} goes {abs(change[joint]):.4f} rad within '
                f'{duration_s:.3f} s'
            )

    def _violated(self, message: str) -> None:
        raise GateViolation(f'{message}, {self.trial.describe()}')
