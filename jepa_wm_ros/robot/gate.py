"""The one gate to the wire: every command passes here, whoever made it and whatever for.

Backends and grippers take only what this module has cleared: the type says so, and nothing else
can make it. The gate knows the last command, the last believed state and the limits, and lets a
command pass when it leads on from the last one:

    |q - q'| <= v_max t + 1 mrad,    inside the joints' ends,    finite

    state       a motion's set-points    brake, hold
    DISARMED    no                       only the end of a braking motion
    ARMED       no                       only where the arm rests
    EXECUTING   those that the           yes
                supervisor allows
    FAULT       no                       yes

What was never commanded needs no hold, and a hold that would be a jump is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.faults import Fault, FaultCode, SafetyState
from jepa_wm_ros.robot.limits import JointLimits
from jepa_wm_ros.robot.motion import ArmCommand, RoutePoint
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_rules import CommandCheck

Vector = NDArray[np.float64]

# Commands are differences of rounded numbers on the grid of a clock.
STEP_TOLERANCE = 1.05
STEP_ROUNDING_RAD = 1e-3
# A joint that brakes may be this much faster than a moment ago: rounding [rad/s].
BRAKE_ROUNDING_RAD_S = 1e-3
# Positions this far outside of the ends of a joint are rounding [rad].
END_ROUNDING_RAD = 1e-6

_SEAL = object()


class UnclearedCommandError(JepaWmError):
    """Somebody tries to make a command that the gate has not cleared."""


class _Sealed:
    """What only the gate can make."""

    __slots__ = ()
    seal: object

    def __post_init__(self) -> None:
        """Refuse all makers but the gate.

        Raises:
            UnclearedCommandError: It was made elsewhere.
        """
        _check_seal(self.seal)


@dataclass(frozen=True, slots=True, eq=False)
class ClearedCommand(_Sealed):
    """A set-point that may go to the wire; only the gate makes it.

    Attributes:
        command: The set-point.
        rest: `(7,)` where the joints come to rest when nothing follows [rad], inside their ends.
        seal: The gate's.
    """

    command: ArmCommand
    rest: Vector
    seal: object


@dataclass(frozen=True, slots=True, eq=False)
class ClearedRoute(_Sealed):
    """A whole motion that may be played; without points the controller ends what it plays.

    Attributes:
        points: Where the joints are at which time.
        brakes: Whether it only brings the arm to rest.
        seal: The gate's.
    """

    points: Sequence[RoutePoint]
    brakes: bool
    seal: object


@dataclass(frozen=True, slots=True, eq=False)
class ClearedGrip(_Sealed):
    """A gripper command that may go to the wire.

    Attributes:
        closedness: 0 open .. 1 closed.
        seal: The gate's.
    """

    closedness: float
    seal: object


class Wire(Protocol):
    """What lies behind the gate: the controller of the arm, and the gripper."""

    def send(self, cleared: ClearedCommand) -> None:
        """Put a set-point on the wire. Must not wait."""

    def grip(self, cleared: ClearedGrip) -> None:
        """Open or close the gripper. Must not wait."""

    def play(self, cleared: ClearedRoute) -> None:
        """Have the controller play a motion. Must not wait."""


class CommandGate:
    """Knows what was commanded last, and lets pass what leads on from there.

    Attributes:
        last: The last command on the wire; None before the first one of this life.
        stopped: How many commands it did not let pass.
        reason: Why it stopped the last of them.
    """

    def __init__(
        self,
        *,
        supervisor: SafetySupervisor,
        believed: Callable[[], Vector | None],
        wire: Wire,
        plays: bool = False,
        longest_s: float,
        coast_s: float = 0.15,
    ) -> None:
        """Close the wire to everybody else.

        Args:
            supervisor: Its state and its rules count.
            believed: Gives the `(7,)` joint positions that were believed last [rad].
            wire: Where commands go.
            plays: Whether the controller plays whole motions.
            longest_s: Longest time that one command may lead on from the last one [s].
            coast_s: Time in which the arm comes to rest when no command follows [s].
        """
        self.last: ArmCommand | None = None
        self.stopped = 0
        self.reason = ''
        self.plays = plays
        self._supervisor = supervisor
        self._believed = believed
        self._wire = wire
        self._longest_s = longest_s
        self._coast_s = coast_s
        self._playing = False

    def forget(self) -> None:
        """Begin a new life: the last command says nothing any more about where the arm is."""
        self.last = None

    # -- what may pass -------------------------------------------------------------------------

    def go(self, command: ArmCommand, *, measured: Pose, jump: Vector, elapsed_s: float) -> bool:
        """Send a set-point of a motion, when supervisor and gate allow it.

        Args:
            command: The set-point.
            measured: Flange where it is now, in the base frame.
            jump: `(7,)` distance [rad] from where the last command and its speeds lead to.
            elapsed_s: How far it leads on [s].

        Returns:
            Whether it was sent; otherwise a fault is latched.
        """
        check = CommandCheck(
            pose=command.pose,
            twist=command.twist,
            joint_positions=command.joint_positions,
            joint_velocities=command.joint_velocities,
            measured_pose=measured,
            jump=jump,
            period_s=elapsed_s,
        )
        if not self._supervisor.check(check):
            return False
        fault = self._fault(command, elapsed_s)
        if fault is not None:
            self._supervisor.latch(fault.code, fault.message)
            return self._stop(fault.message)
        self._send(command)
        return True

    def brake(self, command: ArmCommand, *, elapsed_s: float) -> bool:
        """Send a point on the way to a standstill, or the standstill; return whether it was.

        It only slows down: every joint is at most as fast as in the command before.
        """
        last = self.last
        if last is None:
            return self._stop('there is nothing to brake: nothing was commanded')
        if last.hold and self._supervisor.state is SafetyState.DISARMED:
            return self._stop('the arm is disarmed and at rest')
        fault = self._fault(command, elapsed_s)
        if fault is not None:
            return self._stop(fault.message)
        faster = np.abs(command.joint_velocities) - np.abs(last.joint_velocities)
        if not faster.max() <= BRAKE_ROUNDING_RAD_S:
            return self._stop('a command to brake would speed up')
        self._send(command)
        return True

    def hold(self, within_rad: float) -> bool:
        """Have a resting arm stay where it was commanded last; return whether that was sent.

        Nothing is sent when nothing was commanded. An arm that is not where it was commanded, up
        to a distance of its joints [rad], was moved by others or does not follow: it is not
        pulled there.
        """
        last, believed, state = self.last, self._believed(), self._supervisor.state
        if last is None or believed is None or state is not SafetyState.ARMED:
            return False
        if not np.abs(last.joint_positions - believed).max() <= within_rad:
            return self._stop('the arm is not where it was commanded: a hold would be a jump')
        self._send(
            ArmCommand(
                pose=last.pose,
                joint_positions=last.joint_positions,
                joint_velocities=np.zeros_like(last.joint_velocities),
                hold=True,
            )
        )
        return True

    def repeat(self) -> None:
        """Send the last command again, while a motion settles."""
        if self.last is not None and self._supervisor.state is SafetyState.EXECUTING:
            self._send(self.last)

    def play(self, route: Sequence[RoutePoint], start: Vector) -> str:
        """Have a motion played; return why not, empty when it is.

        Args:
            route: The points of the motion; none end what is played.
            start: `(7,)` joint positions in which it begins [rad].
        """
        if not self.plays:
            return ''
        if route and self._supervisor.state is not SafetyState.EXECUTING:
            return self._stopped('no motion was allowed')
        before, before_s = start, 0.0
        for point in route:
            command = _at(point)
            fault = self._step_fault(command, before, point.time_s - before_s)
            if fault is not None:
                return self._stopped(fault.message)
            before, before_s = point.positions, point.time_s
        self._playing = bool(route)
        self._wire.play(ClearedRoute(tuple(route), brakes=False, seal=_SEAL))
        return ''

    def play_stop(self) -> None:
        """Have a controller that plays a motion bring the arm to rest: one motion for it."""
        last = self.last
        if not self._playing:
            return
        self._playing = False
        points: list[RoutePoint] = []
        if last is not None and np.any(last.joint_velocities):
            rest = np.zeros_like(last.joint_velocities)
            points = [RoutePoint(self._coast_s, self._rest_of(last), rest)]
        self._wire.play(ClearedRoute(points, brakes=True, seal=_SEAL))

    # -- rules ---------------------------------------------------------------------------------

    def _fault(self, command: ArmCommand, elapsed_s: float) -> Fault | None:
        """Return why a command does not lead on from the last one."""
        before = self._believed() if self.last is None else self.last.joint_positions
        if before is None:
            return Fault(FaultCode.JOINTS_STALE, 'no joint state was believed: nothing is sent')
        if not 0.0 <= elapsed_s <= self._longest_s * STEP_TOLERANCE:
            return Fault(
                FaultCode.TOO_FAST,
                f'a command would lead on by {elapsed_s:.3f} s (at most {self._longest_s:.3f} s)',
            )
        grip = command.gripper
        if grip is not None and not 0.0 <= grip <= 1.0:
            message = f'a gripper command was {grip}, not within 0 .. 1, and was dropped'
            return Fault(FaultCode.NOT_FINITE, message)
        return self._step_fault(command, before, elapsed_s)

    def _step_fault(self, command: ArmCommand, before: Vector, elapsed_s: float) -> Fault | None:
        """Return why joints cannot go from one command to the next within a time [s]."""
        q, v = command.joint_positions, command.joint_velocities
        finite = np.isfinite(q).all() and np.isfinite(v).all() and command.pose.finite
        if not (finite and np.isfinite(command.twist).all()):
            return Fault(FaultCode.NOT_FINITE, 'a command was not finite and was dropped')
        limits = self._joints
        # A joint that is outside already may come back, and goes no further.
        lower, upper = np.minimum(limits.lower, before), np.maximum(limits.upper, before)
        outside = np.maximum(lower - q, q - upper)
        if outside.max() > END_ROUNDING_RAD:
            joint = int(outside.argmax())
            return Fault(
                FaultCode.JOINT_LIMIT,
                f'commanded joint {joint + 1} at {q[joint]:.3f} rad would be outside of its '
                f'limits {limits.lower[joint]:.3f} .. {limits.upper[joint]:.3f} rad',
            )
        step = np.abs(q - before)
        over = step - (STEP_TOLERANCE * limits.velocity * elapsed_s + STEP_ROUNDING_RAD)
        if over.max() <= 0.0:
            return None
        joint = int(over.argmax())
        return Fault(
            FaultCode.TOO_FAST,
            f'commanded joint {joint + 1} would go {step[joint]:.4f} rad within {elapsed_s:.3f} s',
        )

    @property
    def _joints(self) -> JointLimits:
        return self._supervisor.limits.joints

    # -- the wire ------------------------------------------------------------------------------

    def _send(self, command: ArmCommand) -> None:
        """Put a command on the wire and remember it; the only place that does."""
        self.last = command
        self._wire.send(ClearedCommand(command, self._rest_of(command), _SEAL))
        if command.gripper is not None:
            self._wire.grip(ClearedGrip(command.gripper, _SEAL))

    def _rest_of(self, command: ArmCommand) -> Vector:
        """Return `(7,)` where joints that brake evenly after a command come to rest [rad].

        Braking evenly from v to rest within T takes v T / 2.
        """
        limits, q = self._joints, command.joint_positions
        end = q + 0.5 * self._coast_s * command.joint_velocities
        return np.clip(end, np.minimum(limits.lower, q), np.maximum(limits.upper, q))

    def _stop(self, reason: str) -> bool:
        self._stopped(reason)
        return False

    def _stopped(self, reason: str) -> str:
        """Count what does not pass; return why."""
        self.stopped += 1
        self.reason = reason
        return reason


def _at(point: RoutePoint) -> ArmCommand:
    """Return the point of a route as a command, to be checked."""
    return ArmCommand(
        pose=Pose.identity(), joint_positions=point.positions, joint_velocities=point.velocities
    )


def _check_seal(seal: object) -> None:
    if seal is not _SEAL:
        raise UnclearedCommandError(
            'only the command gate clears commands: nothing is sent around it'
        )
