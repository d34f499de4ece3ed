"""The inputs of the safety supervisor: when each was seen last, and whether it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from jepa_wm_ros.robot.belief import QUIET_S
from jepa_wm_ros.robot.faults import FaultCode, ResultCode
from jepa_wm_ros.robot.rhythm import Rhythm
from jepa_wm_ros.robot.robot_mode import RobotMode
from jepa_wm_ros.robot.safety_limits import SafetyLimits

# Clocks of two processes agree to about this much: what is stamped later is from the future [s].
FUTURE_TOLERANCE_S = 0.1

NOT_READY = (
    'the robot does not say that it may move: is its driver running, does somebody publish '
    'robot_ready?'
)
RELEASED = "the dead man's switch (deadman) is not pressed: press it, then arm again"
AMBIGUOUS = 'pictures of more than one camera arrive: stop the others'
FROZEN = 'the arm moves and the picture does not: restart the camera driver'


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an input is not to be trusted.

    Attributes:
        fault: What that is during a motion.
        result: What a request is refused with.
        message: The same for people.
    """

    fault: FaultCode
    result: ResultCode
    message: str


@dataclass(slots=True)
class Signal:
    """When a signal was last seen, on the steady clock, and how late it was then.

    Attributes:
        seen_s: When it arrived [s].
        latency_s: How long after its time stamp [s]; negative is stamped in the future.
    """

    seen_s: float = -math.inf
    latency_s: float = 0.0

    def age(self, now_s: float) -> float:
        """Return the age of what was last seen [s].

        It is infinite before the first, and for a stamp from the future, which says nothing
        about when that was.
        """
        if self.future_s > 0.0:
            return math.inf
        return max(0.0, self.latency_s) + (now_s - self.seen_s)

    @property
    def future_s(self) -> float:
        """How far the stamp lay in the future [s]; 0 when it did not."""
        return -self.latency_s if self.latency_s < -FUTURE_TOLERANCE_S else 0.0

    def describe(self, now_s: float, limit_s: float) -> str:
        """Say how old it is, and what is accepted."""
        if self.future_s > 0.0:
            return f'stamped {self.future_s:.3f} s in the future: do the clocks agree?'
        if math.isinf(self.seen_s):
            return f'none yet (limit {limit_s} s)'
        return f'{self.age(now_s):.3f} s old (limit {limit_s} s)'


@dataclass(slots=True)
class SafetyInputs:
    """What the supervisor sees of the world.

    Attributes:
        joints: Complete and finite joint states.
        gripper: Readings of the gripper.
        image: Pictures of a camera that lives, near in time to a joint state.
        joint_rhythm: How regularly joint states come.
        image_rhythm: How regularly such pictures come.
        mode: What the robot, or its driver, says about itself.
        deadman: The dead man's switch, as long as it is pressed.
        frozen: Why the pictures are not to be believed, such as a camera that repeats one; ''
            when they are.
        apart_s: How far the last picture was from its joint state [s].
        modes: The newest mode by who says it.
        refused: Why the robot must not move, when it was said last.
        refused_s: When that was [s].
        released_s: When the dead man's switch was not pressed, last [s].
        other_publishers: How many others publish commands for the same arm.
        others: How to say that, with their names.
        implausible: What was wrong with the last joint state that could not be true.
        implausible_s: When that was [s].
        sources: Why joint states come from more than one source; '' when they do not.
        ambiguous: Why pictures come from more than one camera; '' when they do not.
        missing: Why joint states cannot be used although messages arrive; '' when they can.
    """

    joints: Signal = field(default_factory=Signal)
    gripper: Signal = field(default_factory=Signal)
    image: Signal = field(default_factory=Signal)
    joint_rhythm: Rhythm = field(default_factory=Rhythm)
    image_rhythm: Rhythm = field(default_factory=Rhythm)
    mode: Signal = field(default_factory=Signal)
    deadman: Signal = field(default_factory=Signal)
    frozen: str = ''
    apart_s: float = 0.0
    modes: dict[str, RobotMode] = field(default_factory=dict)
    refused: str = ''
    refused_s: float = -math.inf
    released_s: float = -math.inf
    other_publishers: int = 0
    others: str = ''
    implausible: str = ''
    implausible_s: float = -math.inf
    sources: str = ''
    ambiguous: str = ''
    missing: str = ''

    def joints_seen(self, now_s: float, latency_s: float) -> None:
        """Note a joint state."""
        self.joints, self.missing = Signal(now_s, latency_s), ''
        self.joint_rhythm.seen(now_s)

    def image_seen(self, now_s: float, latency_s: float) -> None:
        """Note a picture that is to be believed."""
        self.image = Signal(now_s, latency_s)
        self.image_rhythm.seen(now_s)

    def listen(self, now_s: float) -> None:
        """Begin to count how long joint states and pictures are silent."""
        self.joint_rhythm.begin(now_s)
        self.image_rhythm.begin(now_s)

    def late(self, elapsed_s: float, limits: SafetyLimits) -> str:
        """Say which input is silent for longer than is usual for it; '' when none is.

        Counts from one arrival to the next: what is always equally old is not late.

        Args:
            elapsed_s: How long we have listened since the last call [s].
            limits: What is usual.
        """
        inputs = (
            ('picture', self.image_rhythm, limits.image_period_s),
            ('joint state', self.joint_rhythm, limits.joint_period_s),
        )
        self.image_rhythm.wait(elapsed_s)
        self.joint_rhythm.wait(elapsed_s)
        for name, rhythm, declared_s in inputs:
            period_s = declared_s or rhythm.period_s
            silence_s = rhythm.silence_s
            if not silence_s <= max(limits.missed_periods * period_s, limits.hold_floor_s):
                return (
                    f'waiting: no {name} for {silence_s:.3f} s (one every {period_s:.3f} s is '
                    'usual); the motion goes on with the next'
                )
        return ''

    def doubt_robot(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """Return why the arm must not move, whatever the pictures show."""
        return (
            self._doubt_sources()
            or self._doubt_belief(now_s)
            or self._doubt_joints(now_s, limits)
            or self._doubt_mode(now_s, limits)
            or self._doubt_deadman(now_s, limits)
            or self._doubt_publishers()
        )

    def doubt(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """Return the first reason why no motion may begin or go on."""
        return (
            self._doubt_sources()
            or self._doubt_belief(now_s)
            or self._doubt_joints(now_s, limits)
            or self._doubt_gripper(now_s, limits)
            or self._doubt_image(now_s, limits)
            or self.doubt_robot(now_s, limits)
        )

    def _doubt_sources(self) -> Doubt | None:
        """One arm speaks, and one camera."""
        trouble = self.sources or self.ambiguous
        if not trouble:
            return None
        return Doubt(FaultCode.SECOND_SOURCE, ResultCode.SECOND_SOURCE, trouble)

    def _doubt_belief(self, now_s: float) -> Doubt | None:
        """What cannot be true leaves doubt about what comes beside it."""
        if not now_s - self.implausible_s <= QUIET_S:
            return None
        return Doubt(FaultCode.JOINTS_IMPLAUSIBLE, ResultCode.JOINTS_IMPLAUSIBLE, self.implausible)

    def _doubt_joints(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """Joint states have to be fresh."""
        limit = limits.max_joint_age_s
        if self.joints.age(now_s) <= limit:
            return None
        why = self.missing or 'is the arm driver running?'
        return Doubt(
            FaultCode.JOINTS_STALE,
            ResultCode.JOINTS_STALE,
            f'joint states are {self.joints.describe(now_s, limit)}: {why}',
        )

    def _doubt_gripper(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """A gripper that has spoken has to go on: there may be an arm without one."""
        limit = limits.max_gripper_age_s
        if math.isinf(self.gripper.seen_s) or self.gripper.age(now_s) <= limit:
            return None
        return Doubt(
            FaultCode.JOINTS_STALE,
            ResultCode.JOINTS_STALE,
            f'the reading of the gripper is {self.gripper.describe(now_s, limit)}: is its driver '
            'running? It is gripper_joint in joint_states',
        )

    def _doubt_image(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """Pictures have to be fresh, to change, and to belong to a joint state."""
        if self.frozen:
            return Doubt(FaultCode.IMAGE_FROZEN, ResultCode.IMAGE_FROZEN, self.frozen)
        limit = limits.max_image_age_s
        if self.image.age(now_s) <= limit:
            return None
        why = 'are camera and encoder running?'
        if not self.apart_s <= limits.max_skew_s:
            why = (
                f'the last one is {self.apart_s:.3f} s from its joint state (limit '
                f'{limits.max_skew_s} s): do the clocks of camera and arm agree?'
            )
        return Doubt(
            FaultCode.IMAGE_STALE,
            ResultCode.IMAGE_STALE,
            f'pictures are {self.image.describe(now_s, limit)}: {why}',
        )

    def _doubt_mode(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """A robot that says that it must not move is believed; one that has to speak must."""
        limit = limits.max_ready_age_s
        for mode in self.modes.values():
            if not mode.may_move:
                return Doubt(FaultCode.ROBOT_MODE, ResultCode.NOT_ARMED, mode.reason)
        # Of two who speak on one topic, one may say yes at once after the other's no.
        if now_s - self.refused_s <= QUIET_S:
            return Doubt(FaultCode.ROBOT_MODE, ResultCode.NOT_ARMED, self.refused)
        if math.isinf(limit) or self.mode.age(now_s) <= limit:
            return None
        return Doubt(FaultCode.ROBOT_MODE, ResultCode.NOT_ARMED, NOT_READY)

    def _doubt_deadman(self, now_s: float, limits: SafetyLimits) -> Doubt | None:
        """Where there is a dead man's switch, it has to be pressed."""
        limit = limits.max_deadman_age_s
        if math.isinf(limit):
            return None
        released = now_s - self.released_s <= QUIET_S
        if self.deadman.age(now_s) <= limit and not released:
            return None
        return Doubt(FaultCode.ROBOT_MODE, ResultCode.NOT_ARMED, RELEASED)

    def _doubt_publishers(self) -> Doubt | None:
        """Nobody else may command the arm."""
        if self.other_publishers == 0:
            return None
        return Doubt(
            FaultCode.SECOND_PUBLISHER,
            ResultCode.SECOND_PUBLISHER,
            self.others
            or f'{self.other_publishers} other publisher(s) on the command topic: stop them, or '
            'give them another topic',
        )
