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

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.faults import Fault, FaultCode, Refusal, ResultCode, SafetyState
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.robot.safety_rules import (
    Admission,
    CommandCheck,
    command_fault,
    drifted,
    finite,
    old_plan,
    surprised,
)

NOT_READY = (
    'the robot does not say (robot_ready) that it may move: is it in the right mode, is the '
    "dead man's switch pressed?"
)


@dataclass(slots=True)
class _Signal:
    """When a signal was last seen, on the steady clock, and how late it was then."""

    seen_s: float = -math.inf
    latency_s: float = 0.0

    def age(self, now_s: float) -> float:
        """Return the age of what was last seen [s]; inf when nothing was seen yet."""
        return max(0.0, self.latency_s) + (now_s - self.seen_s)


@dataclass(slots=True)
class SafetyCounters:
    """How often the supervisor intervened.

    Attributes:
        clamped: Plans whose actions were cut to the step box.
        refused: Requests that were refused.
        held: Motions that were paused because pictures were late.
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
    _joints: _Signal = field(default_factory=_Signal)
    _image: _Signal = field(default_factory=_Signal)
    _frozen: bool = False
    _ready: _Signal = field(default_factory=_Signal)
    _other_publishers: int = 0

    @property
    def state(self) -> SafetyState:
        """What may happen now."""
        return self._state

    @property
    def fault(self) -> Fault | None:
        """The latched fault; None when there is none."""
        return self._fault

    # What is seen ---------------------------------------------------------------------------

    def joints_seen(self, now_s: float, latency_s: float = 0.0) -> None:
        """Note that a complete and finite joint state arrived, `latency_s` after its stamp."""
        self._joints = _Signal(now_s, latency_s)

    def image_seen(self, now_s: float, latency_s: float = 0.0, *, frozen: bool = False) -> None:
        """Note that a picture arrived, `latency_s` after its capture; a frozen one is none."""
        self._frozen = frozen
        if not frozen:
            self._image = _Signal(now_s, latency_s)

    def ready_seen(self, now_s: float, *, ready: bool) -> None:
        """Note that the robot said whether it may move."""
        self._ready = _Signal(now_s) if ready else _Signal()

    def publishers_seen(self, others: int) -> None:
        """Note how many others publish commands for the same arm."""
        self._other_publishers = others

    def joint_age_s(self, now_s: float) -> float:
        """Return the age of the last joint state [s]; inf before the first."""
        return self._joints.age(now_s)

    def image_age_s(self, now_s: float) -> float:
        """Return the age of the last picture of a camera that lives [s]; inf before the first."""
        return self._image.age(now_s)

    # What is asked for ----------------------------------------------------------------------

    def arm(self, now_s: float) -> Refusal | None:
        """Allow motions from now on; return why not, or None when armed."""
        if self._state is SafetyState.FAULT:
            return self.refuse(
                ResultCode.FAULT, f'{self._describe_fault()}: reset the fault before arming'
            )
        refusal = self._stale_joints(now_s) or self._not_ready(now_s) or self._second_publisher()
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
            or self._stale_joints(now_s)
            or self._stale_image(now_s)
            or self._not_ready(now_s)
            or self._second_publisher()
            or self._counted(old_plan(admission, self.limits))
            or self._counted(drifted(admission, self.limits))
            or self._counted(surprised(admission, self.limits))
        )
        if refusal is None:
            self._state = SafetyState.EXECUTING
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
        """Return `(H, A)` actions cut to the step box, and whether anything was cut."""
        clamped = actions.copy()
        boxes = ((np.s_[:, :3], self.limits.max_step_m), (np.s_[:, 3:6], self.limits.max_step_rad))
        for part, limit in boxes:
            clamped[part] = np.clip(actions[part], -limit, limit)
        changed = bool((clamped != actions).any())
        self.counters.clamped += changed
        return clamped, changed

    # What is watched ------------------------------------------------------------------------

    def watch(self, now_s: float) -> bool:
        """Check the inputs of the motion under way; latch a fault when one is gone.

        Returns:
            Whether the motion may go on; False is "hold now", with or without a fault.
        """
        if self._state is not SafetyState.EXECUTING:
            return False
        limits = self.limits
        joint_age, image_age = self.joint_age_s(now_s), self.image_age_s(now_s)
        if not joint_age <= limits.max_joint_age_s:
            self.latch(
                FaultCode.JOINTS_STALE,
                f'no joint state for {joint_age:.3f} s (limit {limits.max_joint_age_s} s): '
                'is the arm driver running?',
            )
        elif self._frozen:
            self.latch(
                FaultCode.IMAGE_FROZEN,
                'the arm moves and the picture does not: restart the camera driver',
            )
        elif not image_age <= limits.max_image_age_s:
            self.latch(
                FaultCode.IMAGE_STALE,
                f'no new picture for {image_age:.3f} s (limit {limits.max_image_age_s} s): '
                'are camera and encoder running?',
            )
        elif not self._is_ready(now_s):
            self.latch(FaultCode.ROBOT_MODE, NOT_READY)
        elif self._other_publishers > 0:
            self.latch(FaultCode.SECOND_PUBLISHER, self._publishers_message())
        else:
            return image_age <= limits.image_hold_age_s
        return False

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

    def _stale_joints(self, now_s: float) -> Refusal | None:
        """Refuse without fresh joint states."""
        age, limit = self.joint_age_s(now_s), self.limits.max_joint_age_s
        if age <= limit:
            return None
        text = 'none yet' if math.isinf(age) else f'{age:.3f} s old'
        return self.refuse(
            ResultCode.JOINTS_STALE,
            f'joint states are {text} (limit {limit} s): is the arm driver running?',
        )

    def _stale_image(self, now_s: float) -> Refusal | None:
        """Refuse without fresh pictures that change."""
        if self._frozen:
            return self.refuse(ResultCode.IMAGE_FROZEN, 'the arm moved and the picture did not')
        age, limit = self.image_age_s(now_s), self.limits.max_image_age_s
        if age <= limit:
            return None
        text = 'none yet' if math.isinf(age) else f'{age:.3f} s old'
        return self.refuse(
            ResultCode.IMAGE_STALE,
            f'pictures are {text} (limit {limit} s): are camera and encoder running?',
        )

    def _is_ready(self, now_s: float) -> bool:
        """Whether the robot may move, as far as it has to say so."""
        limit = self.limits.max_ready_age_s
        return math.isinf(limit) or self._ready.age(now_s) <= limit

    def _not_ready(self, now_s: float) -> Refusal | None:
        """Refuse while the robot does not say that it may move."""
        return None if self._is_ready(now_s) else self.refuse(ResultCode.NOT_ARMED, NOT_READY)

    def _second_publisher(self) -> Refusal | None:
        """Refuse while somebody else commands the same arm."""
        if self._other_publishers == 0:
            return None
        return self.refuse(ResultCode.SECOND_PUBLISHER, self._publishers_message())

    def _publishers_message(self) -> str:
        """Say that somebody else commands the arm."""
        return (
            f'{self._other_publishers} other publisher(s) on the command topic: '
            'stop them, or give them another topic'
        )

    def _describe_fault(self) -> str:
        """Say which fault is latched."""
        fault = self._fault
        return '' if fault is None else f'fault {fault.code.name}: {fault.message}'

    def _counted(self, refusal: Refusal | None) -> Refusal | None:
        """Count a refusal that a rule made."""
        self.counters.refused += refusal is not None
        return refusal
