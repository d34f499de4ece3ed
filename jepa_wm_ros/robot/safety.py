"""The safety supervisor: decides what the arm may do. No ROS, no threads, no clock of its own.

    DISARMED --arm--> ARMED --admit--> EXECUTING --finish--> ARMED
        ^               |                  |
        |   disarm      v    any violation v
        +-----------  (every state) ---> FAULT   (latched: only reset() leads out, to DISARMED)

Every rule prefers to stop: NaN fails each comparison, zero is a valid limit and nothing recovers
by itself. This is not a certified safety function: the emergency stop stays with the operator.

Times are seconds of a steady (monotonic) clock, given by the caller. The age of a signal is the
latency that it had when it arrived plus the time since then, so that ages grow even when the ROS
clock stands still.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.faults import Fault, FaultCode, Refusal, ResultCode, SafetyState
from jepa_wm_ros.robot.robot_mode import RobotMode
from jepa_wm_ros.robot.safety_inputs import AMBIGUOUS, FROZEN, Doubt, SafetyInputs, Signal
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.robot.safety_rules import (
    Admission,
    CommandCheck,
    command_fault,
    cut_to_step,
    drifted,
    finite,
    old_plan,
    surprised,
)


@dataclass(slots=True)
class SafetyCounters:
    """How often the supervisor intervened.

    Attributes:
        clamped: Plans whose actions were cut to the step box.
        refused: Requests that were refused.
        held: Motions that were paused because pictures or joint states were late.
        faults: Faults that were latched.
    """

    clamped: int = 0
    refused: int = 0
    held: int = 0
    faults: int = 0


@dataclass(slots=True)
class SafetySupervisor:
    """The state machine and the rules around every motion of the arm.

    Attributes:
        limits: What is enforced.
        counters: How often it intervened.
    """

    limits: SafetyLimits = field(default_factory=SafetyLimits)
    counters: SafetyCounters = field(default_factory=SafetyCounters)
    _state: SafetyState = SafetyState.DISARMED
    _fault: Fault | None = None
    _inputs: SafetyInputs = field(default_factory=SafetyInputs)
    _waiting: str = ''

    @property
    def state(self) -> SafetyState:
        """What may happen now."""
        return self._state

    @property
    def armed(self) -> bool:
        """Whether a plan may set the arm in motion, or has done so."""
        return self._state in (SafetyState.ARMED, SafetyState.EXECUTING)

    @property
    def fault(self) -> Fault | None:
        """The latched fault; None when there is none."""
        return self._fault

    @property
    def message(self) -> str:
        """Why the arm does not move although it was told to, for people; '' otherwise."""
        if self._fault is not None:
            return self._fault.message
        return self._waiting if self._state is SafetyState.EXECUTING else ''

    # What is seen ---------------------------------------------------------------------------

    def joints_seen(self, now_s: float, latency_s: float = 0.0) -> None:
        """Note that a complete and finite joint state arrived, `latency_s` after its stamp."""
        self._inputs.joints_seen(now_s, latency_s)

    def joints_missing(self, why: str) -> None:
        """Note why a message that arrived is no joint state of this arm."""
        self._inputs.missing = why

    def joints_doubted(self, now_s: float, why: str) -> None:
        """Note that a joint state arrived that cannot be true."""
        self._inputs.implausible, self._inputs.implausible_s = why, now_s

    def sources_seen(self, trouble: str) -> None:
        """Note why joint states come from more than one source; empty when they do not."""
        self._inputs.sources = trouble

    def gripper_seen(self, now_s: float, latency_s: float = 0.0) -> None:
        """Note that a reading of the gripper arrived, `latency_s` after its stamp."""
        self._inputs.gripper = Signal(now_s, latency_s)

    def image_seen(
        self,
        now_s: float,
        latency_s: float = 0.0,
        *,
        frozen: bool = False,
        skew_s: float = 0.0,
        why: str = '',
        ambiguous: bool = False,
    ) -> None:
        """Note that a picture arrived.

        Args:
            now_s: When.
            latency_s: How long after its capture [s].
            frozen: Whether the camera repeats one picture; a frozen one is none.
            skew_s: How far in time it is from the joint state that goes with it [s]; one without
                a joint state is none.
            why: How it is known that it is frozen or ambiguous.
            ambiguous: Whether pictures of more than one camera arrive; then none is believed.
        """
        self._inputs.frozen = (why or FROZEN) if frozen else ''
        self._inputs.ambiguous = (why or AMBIGUOUS) if ambiguous else ''
        self._inputs.apart_s = skew_s
        if not frozen and not ambiguous and skew_s <= self.limits.max_skew_s:
            self._inputs.image_seen(now_s, latency_s)

    def robot_mode(self, mode: RobotMode, now_s: float, source: str = 'robot') -> None:
        """Note what somebody says about the robot; nobody's yes outvotes another's no.

        A no counts for a moment even when a yes follows it: two may speak as the same source.
        """
        self._inputs.modes[source] = mode
        if not mode.may_move:
            self._inputs.refused, self._inputs.refused_s = mode.reason, now_s
        self._inputs.mode = Signal(now_s)

    def deadman_seen(self, now_s: float, *, pressed: bool) -> None:
        """Note whether the dead man's switch is pressed; a switch that flaps is not."""
        if not pressed:
            self._inputs.released_s = now_s
        self._inputs.deadman = Signal(now_s) if pressed else Signal()

    def publishers_seen(self, others: int, said: str = '') -> None:
        """Note how many others publish commands for the same arm, and how to say it."""
        self._inputs.other_publishers, self._inputs.others = others, said

    def joint_age_s(self, now_s: float) -> float:
        """Return the age of the last joint state [s]; inf before the first."""
        return self._inputs.joints.age(now_s)

    def image_age_s(self, now_s: float) -> float:
        """Return the age of the last picture of a camera that lives [s]; inf before the first."""
        return self._inputs.image.age(now_s)

    # What is asked for ----------------------------------------------------------------------

    def arm(self, now_s: float, obstacle: str = '') -> Refusal | None:
        """Allow motions from now on; return why not, or None when armed.

        Args:
            now_s: The moment [s].
            obstacle: Why the arm must not be armed where it is; empty when it may.
        """
        if self._state is SafetyState.FAULT:
            return self.refuse(
                ResultCode.FAULT, f'{self._describe_fault()}: reset the fault before arming'
            )
        refusal = self._refused(self._inputs.doubt_robot(now_s, self.limits))
        if refusal is None and obstacle:
            refusal = self.refuse(ResultCode.NOT_ARMED, obstacle)
        if refusal is None and self._state is SafetyState.DISARMED:
            self._state = SafetyState.ARMED
        return refusal

    def disarm(self) -> None:
        """Allow no motion from now on. A fault stays."""
        if self._state is not SafetyState.FAULT:
            self._state = SafetyState.DISARMED

    def reset(self) -> Fault | None:
        """Leave FAULT for DISARMED; return the fault that was latched."""
        fault = self._fault
        if fault is not None:
            self._state, self._fault = SafetyState.DISARMED, None
        return fault

    def latch(self, code: FaultCode, message: str) -> Fault:
        """Enter FAULT. The first fault stays until it is reset; return it."""
        if self._fault is None:
            self._fault = Fault(code, message)
            self.counters.faults += 1
        self._state = SafetyState.FAULT
        return self._fault

    def admit(self, admission: Admission, now_s: float) -> Refusal | None:
        """Enter EXECUTING when every rule agrees; return the first objection otherwise.

        A plan that is not finite latches a fault: whatever made it is broken.
        """
        refusal = (
            self._not_armed()
            or self._not_finite(admission)
            or self._refused(self._inputs.doubt(now_s, self.limits))
            or self._counted(old_plan(admission, self.limits))
            or self._counted(drifted(admission, self.limits))
            or self._counted(surprised(admission, self.limits))
        )
        if refusal is None:
            self._state, self._waiting = SafetyState.EXECUTING, ''
            self._inputs.listen(now_s)
        return refusal

    def finish(self) -> None:
        """Leave EXECUTING for ARMED."""
        if self._state is SafetyState.EXECUTING:
            self._state = SafetyState.ARMED

    def refuse(self, code: ResultCode, message: str) -> Refusal:
        """Count and return a refusal."""
        self.counters.refused += 1
        return Refusal(code, message)

    def clamp(self, actions: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
        """Return `(H, A)` actions cut to what one step may do, and whether anything was cut."""
        clamped = cut_to_step(actions, self.limits)
        changed = bool((clamped != actions).any())
        self.counters.clamped += changed
        return clamped, changed

    # What is watched ------------------------------------------------------------------------

    def watch(self, now_s: float, elapsed_s: float) -> bool:
        """Check the inputs of the motion under way; latch a fault when one is gone.

        Args:
            now_s: The moment [s].
            elapsed_s: How long we were awake since the last call [s].

        Returns:
            Whether the motion may go on; False is "hold now", with or without a fault.
        """
        if self._state is not SafetyState.EXECUTING:
            return False
        doubt = self._inputs.doubt(now_s, self.limits)
        if doubt is not None:
            self.latch(doubt.fault, doubt.message)
            return False
        self._waiting = self._inputs.late(elapsed_s, self.limits)
        return not self._waiting

    def waits(self, why: str) -> None:
        """Note why the motion under way does not go on, until the next look at the inputs."""
        self._waiting = why

    def check(self, command: CommandCheck) -> bool:
        """Check one command before it is sent; latch a fault when it breaks a rule.

        Returns:
            Whether the command may be sent.
        """
        if self._state is not SafetyState.EXECUTING:
            return False
        fault = command_fault(command, self.limits)
        if fault is not None:
            self.latch(fault.code, fault.message)
        return fault is None

    def _not_armed(self) -> Refusal | None:
        """Refuse unless ARMED or, for a replacement, EXECUTING."""
        if self._state is SafetyState.FAULT:
            return self.refuse(ResultCode.FAULT, self._describe_fault())
        if self._state is SafetyState.DISARMED:
            return self.refuse(ResultCode.NOT_ARMED, 'the arm is disarmed: call the arm service')
        return None

    def _not_finite(self, admission: Admission) -> Refusal | None:
        """Refuse, and latch a fault, when a number is not finite."""
        if finite(admission):
            return None
        message = 'the plan contains numbers that are not finite: nothing was moved'
        self.latch(FaultCode.NOT_FINITE, message)
        return self.refuse(ResultCode.NOT_FINITE, message)

    def _refused(self, doubt: Doubt | None) -> Refusal | None:
        """Refuse because an input is in doubt."""
        return None if doubt is None else self.refuse(doubt.result, doubt.message)

    def _describe_fault(self) -> str:
        """Say which fault is latched."""
        fault = self._fault
        return '' if fault is None else f'fault {fault.code.name}: {fault.message}'

    def _counted(self, refusal: Refusal | None) -> Refusal | None:
        """Count a refusal that a rule made."""
        self.counters.refused += refusal is not None
        return refusal
