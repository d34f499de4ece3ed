"""Arbitrary things happen to an arm: what goes to the wire then?

`GateTrial` is an arm, a person, a camera and a network around the executor, supervisor and command
gate, on clocks of its own. Its methods are what can happen; `gate_watch` looks at each command as
it goes out.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.evaluation.bench.gate_watch import (
    LOOKAHEAD_S,
    NOISE_RAD,
    PERIOD_S,
    GateViolation,
    WireWatch,
)
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.faults import FaultCode, Refusal, SafetyState
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.robot.motion import (
    ExecutionSettings,
    Moment,
    MotionPlan,
    MotionResult,
)
from jepa_wm_ros.robot.poses import Pose, apply_action
from jepa_wm_ros.robot.robot_mode import spoken_mode
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_limits import SafetyLimits

Vector = NDArray[np.float64]

CAMERA_PERIODS = 7
# A stop takes no longer than this: its braking, and periods that our process slept [periods].
STOP_PERIODS = 40


class GateTrial:
    """What can happen to an arm under the executor.

    The true arm follows its commands within one period, unless it is stuck. Joint states are the
    true joints with noise, and whatever ghosts and broken drivers add to them.

    Args:
        seed: Of what is random in here.
        streaming: Whether plans replace each other.
        plays: Whether the controller plays whole motions.
        kinematics: Of the arm; made when it is not given.
    """

    def __init__(
        self,
        seed: int,
        *,
        streaming: bool = False,
        plays: bool = False,
        kinematics: Kinematics | None = None,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self.kinematics = kinematics or Kinematics()
        self.true_joints: Vector = READY_POSTURE.copy()
        self.gripper: float | None = 0.0
        self.ros_s, self.steady_s = 100.0, 5.0
        self.watch = WireWatch(self)
        self.supervisor = SafetySupervisor(limits=SafetyLimits())
        self.executor = ArmExecutor(
            kinematics=self.kinematics,
            supervisor=self.supervisor,
            settings=ExecutionSettings(
                period_s=PERIOD_S, lookahead_s=LOOKAHEAD_S, streaming=streaming
            ),
            wire=self.watch,
            plays=plays,
        )
        self.happened: deque[str] = deque(maxlen=12)
        self.codes: Counter[str] = Counter()
        self._open = 0
        self._periods = 0
        self._stuck = self._joints_off = self._camera_off = False
        self._frozen = self._ambiguous = False
        self._ghost: Vector | None = None
        self._ghost_every, self._ghost_late_s = 1, 0.0
        self._guided: Vector = np.zeros(7)
        self._late_s = 0.0

    @property
    def now(self) -> Moment:
        """The moment on both clocks."""
        return Moment(self.ros_s, self.steady_s)

    def describe(self) -> str:
        """Say what state the arm is in and what has just happened."""
        return f'while {self.supervisor.state.name}, after {", ".join(self.happened)}'

    # -- what happens --------------------------------------------------------------------------

    def wait(self, periods: int) -> None:
        """Some periods pass."""
        self._note(f'wait {periods}')
        for _ in range(periods):
            self._period(PERIOD_S)

    def sleep(self, duration_s: float) -> None:
        """Our process sleeps; the robot does not."""
        self._note(f'sleep {duration_s:.3f}')
        self._period(duration_s)

    def clock_jump(self, by_s: float) -> None:
        """Somebody sets the ROS clock."""
        self._note(f'clock {by_s:+.2f}')
        self.ros_s += by_s

    def sample(self, joints: Vector, late_s: float = 0.0) -> None:
        """One joint state arrives that nobody expected."""
        self._note('sample')
        self.executor.joints_seen(self.ros_s - late_s, joints, self.gripper, self.now)

    def broken_sample(self, kind: str) -> None:
        """A joint state arrives that cannot be true: nan, inf, degrees, range, short."""
        joints = self.true_joints.copy()
        if kind == 'degrees':
            joints = np.degrees(joints)
        elif kind == 'short':
            joints = joints[:5]
        else:
            value = {'nan': math.nan, 'inf': math.inf, 'range': 4.0}[kind]
            joints[int(self._rng.integers(7))] = value
        self.sample(joints)

    def ghost(self, offset: Vector, every: int, late_s: float) -> None:
        """A second source of joint states begins: `(7,)` away [rad], each so many periods."""
        self._note(f'ghost {np.abs(offset).max():.2f}')
        self._ghost, self._ghost_every, self._ghost_late_s = offset, every, late_s

    def no_ghost(self) -> None:
        """It ends."""
        self._note('no ghost')
        self._ghost = None

    def guide(self, speed: Vector) -> None:
        """A person pushes the arm: `(7,)` [rad/s], as long as it is not commanded to move."""
        self._note('guide')
        self._guided = speed

    def break_inputs(
        self, *, joints: bool, camera: bool, frozen: bool, ambiguous: bool, late_s: float
    ) -> None:
        """Inputs are cut, frozen, ambiguous or late, or all right again."""
        self._note(f'inputs {joints:d}{camera:d}{frozen:d}{ambiguous:d} {late_s:.2f}')
        self._joints_off, self._camera_off = joints, camera
        self._frozen, self._ambiguous, self._late_s = frozen, ambiguous, late_s

    def stick(self, *, stuck: bool) -> None:
        """The controller does not follow any more, or follows again."""
        self._note(f'stuck {stuck:d}')
        self._stuck = stuck

    def arm(self) -> None:
        """Somebody arms."""
        self._note('arm')
        before = self.supervisor.state
        if self.executor.arm(self.now) is None and before is SafetyState.DISARMED:
            self.watch.commands.clear()

    def disarm(self) -> None:
        """Somebody stops and disarms."""
        self._note('disarm')
        self.executor.disarm(self.now)

    def reset(self) -> None:
        """Somebody resets a fault."""
        self._note('reset')
        fault = self.supervisor.reset()
        if fault is not None:
            self.codes[f'fault {fault.code.name}'] += 1

    def cancel(self) -> None:
        """Somebody cancels."""
        self._note('cancel')
        self.executor.cancel(self.now)

    def fault(self) -> None:
        """The controller complains."""
        self._note('fault')
        self.executor.fault(FaultCode.CONTROLLER, 'the controller complains', self.now)

    def robot_ready(self, *, ready: bool) -> None:
        """The robot changes its mode."""
        self._note(f'ready {ready:d}')
        self.supervisor.robot_mode(spoken_mode(ready), self.steady_s)

    def others(self, commanders: int, sources: bool) -> None:
        """The graph shows other commanders, or other sources of joint states."""
        self._note(f'others {commanders} {sources:d}')
        self.supervisor.publishers_seen(commanders)
        self.supervisor.sources_seen('two publishers' if sources else '')

    def slow(self, part: float) -> None:
        """Somebody moves the speed slider."""
        self._note(f'slow {part:.2f}')
        self.executor.override_speed(part)

    def limits(self, **changes: Any) -> None:
        """Somebody sets parameters; the node refuses that during a motion."""
        self._note(f'limits {changes}')
        if self.executor.motion is None:
            self.supervisor.limits = replace(self.supervisor.limits, **changes)

    def plan(self, actions: NDArray[np.float64], age_s: float, shift_m: float) -> None:
        """A plan of `(H, 7)` actions arrives, made for where the arm is, or beside it."""
        self._note(f'plan {len(actions)}')
        pose = self.kinematics.forward(self.true_joints)
        if shift_m:
            pose = apply_action(pose, np.array([shift_m, 0.0, 0.0, 0.0, 0.0, 0.0]))
        self._ask(
            lambda end: self.executor.execute(self._plan(actions, age_s, pose), self.now, end)
        )

    def home(self) -> None:
        """Somebody sends the arm home."""
        self._note('home')
        self._ask(lambda end: self.executor.home(self.now, end))

    def come_to_rest(self) -> None:
        """After a cancel the arm rests soon, and every motion has ended once.

        Raises:
            GateViolation: It goes on.
        """
        self.executor.override_speed(1.0)
        self.cancel()
        for _ in range(STOP_PERIODS):
            if self.executor.motion is None:
                break
            self._period(PERIOD_S)
        if self.executor.motion is not None or self._open:
            raise GateViolation(f'a motion does not end, {self.describe()}')

    # -- inside --------------------------------------------------------------------------------

    def _plan(self, actions: NDArray[np.float64], age_s: float, pose: Pose) -> MotionPlan:
        return MotionPlan(
            actions=actions,
            step_duration_s=0.4,
            observation_stamp_s=self.ros_s - age_s,
            observation_pose=pose,
        )

    def _ask(self, begin: Callable[[Callable[[MotionResult], None]], Refusal | None]) -> None:
        """Ask for a motion, and see that it ends once."""
        ended: list[MotionResult] = []

        def end(result: MotionResult) -> None:
            self._open -= 1
            self.codes[result.code.name] += 1
            ended.append(result)
            if len(ended) > 1:
                raise GateViolation(f'a motion ended twice, {self.describe()}')

        self._open += 1
        self.watch.sets_off = self.executor.motion is None
        refusal = begin(end)
        if refusal is None:
            return
        self.watch.sets_off = False
        if ended:
            raise GateViolation(f'a refused motion ended, {self.describe()}')
        self._open -= 1
        self.codes[f'refused {refusal.code.name}'] += 1

    def _period(self, duration_s: float) -> None:
        self._periods += 1
        self.ros_s += duration_s
        self.steady_s += duration_s
        self._move(duration_s)
        self._speak()
        if self._periods % CAMERA_PERIODS == 0 and not self._camera_off:
            self.executor.picture_seen(
                self.ros_s - 0.01 - self._late_s,
                self._frozen,
                self.now,
                ambiguous=self._ambiguous,
            )
        self.executor.tick(self.now)

    def _move(self, duration_s: float) -> None:
        """Let the true arm go on."""
        last = self.watch.last
        if self.executor.motion is None:
            moved = self.true_joints + duration_s * self._guided
            self.true_joints = np.clip(moved, FER.lower + 0.03, FER.upper - 0.03)
        elif last is not None and not self._stuck:
            self.true_joints = last.joint_positions.copy()

    def _speak(self) -> None:
        """Publish joint states."""
        if not self._joints_off:
            noise = self._rng.uniform(-NOISE_RAD, NOISE_RAD, 7)
            stamp_s = self.ros_s - self._late_s
            self.executor.joints_seen(stamp_s, self.true_joints + noise, self.gripper, self.now)
        # A ghost that is alone would be the arm for everybody.
        ghost = None if self._joints_off else self._ghost
        if ghost is not None and self._periods % self._ghost_every == 0:
            stamp_s = self.ros_s - self._ghost_late_s
            self.executor.joints_seen(stamp_s, READY_POSTURE + ghost, 0.5, self.now)

    def _note(self, what: str) -> None:
        self.happened.append(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """What a run showed.

    Attributes:
        steps: How many things happened.
        commands: How many commands went to the wire.
        codes: How motions ended, and which faults there were.
        violation: The first rule that was broken, with its seed; empty when none was.
    """

    steps: int
    commands: int
    codes: dict[str, int]
    violation: str = ''


STEPS_PER_TRIAL = 200
# Parameters that somebody changes, as they are at first.
USUAL = {
    name: getattr(SafetyLimits(), name)
    for name in ('joint_margin_rad', 'max_speed_m_s', 'max_rotation_speed_rad_s',
                 'max_tracking_error_m', 'max_drift_m')
}  # fmt: skip


def run_gate(
    steps: int, seed: int, on_progress: Callable[[int], None] = lambda _: None
) -> GateFigures:
    """Let random things happen until there were enough, or a rule is broken.

    Args:
        steps: How many things happen.
        seed: Of the first trial; each trial has the next one.
        on_progress: Called with how many have happened.
    """
    kinematics, codes = Kinematics(), Counter[str]()
    done = commands = 0
    while done < steps:
        trial = GateTrial(
            seed, streaming=bool(seed % 2), plays=bool(seed % 3 == 0), kinematics=kinematics
        )
        rng = np.random.default_rng([seed, 1])
        try:
            for _ in range(min(STEPS_PER_TRIAL, steps - done)):
                happen(trial, rng)
                done += 1
            trial.come_to_rest()
        except GateViolation as violation:
            return GateFigures(
                steps=done,
                commands=commands + trial.watch.count,
                codes=dict(codes + trial.codes),
                violation=f'seed {seed}: {violation}',
            )
        commands += trial.watch.count
        codes += trial.codes
        seed += 1
        on_progress(done)
    return GateFigures(steps=done, commands=commands, codes=dict(codes))


def happen(trial: GateTrial, rng: np.random.Generator) -> None:
    """Let one random thing happen; ordinary ones more often than others."""
    number = int(rng.integers(100))
    if number < 35:
        trial.wait(int(rng.choice([1, 3, 10, 30, 100])))
    elif number < 52:
        trial.plan(random_actions(rng), float(rng.uniform(0.0, 0.3)), _rarely(rng, 0.05, 0.05))
    elif number < 70:
        put_right(trial)
    else:
        _UNUSUAL[int(rng.integers(len(_UNUSUAL)))](trial, rng)


def put_right(trial: GateTrial) -> None:
    """Whatever was wrong is mended, and the arm is armed again."""
    if trial.supervisor.armed:
        return
    trial.break_inputs(joints=False, camera=False, frozen=False, ambiguous=False, late_s=0.0)
    trial.no_ghost()
    trial.guide(np.zeros(7))
    trial.stick(stuck=False)
    trial.robot_ready(ready=True)
    trial.others(0, False)
    trial.limits(**USUAL)
    trial.slow(1.0)
    trial.wait(60)
    trial.reset()
    trial.arm()


def random_actions(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `(H, 7)` actions, some of them far beyond every limit, rarely not finite."""
    actions = rng.normal(size=(int(rng.integers(1, 4)), 7))
    actions *= np.array([0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 0.5]) * rng.choice([0.3, 1.0, 3.0])
    if rng.random() < 0.02:
        actions[0, int(rng.integers(7))] = math.nan
    return actions


def _rarely(rng: np.random.Generator, chance: float, value: float) -> float:
    return value if rng.random() < chance else 0.0


def _some_ghost(trial: GateTrial, rng: np.random.Generator) -> None:
    offset = rng.uniform(-1.0, 1.0, 7) * rng.choice([0.05, 0.3, 1.0])
    trial.ghost(offset, int(rng.integers(1, 10)), float(rng.choice([0.0, 0.02, 0.3, -0.02])))


def _some_inputs(trial: GateTrial, rng: np.random.Generator) -> None:
    joints, camera, frozen, ambiguous = rng.random(4) < 0.15
    trial.break_inputs(
        joints=bool(joints),
        camera=bool(camera),
        frozen=bool(frozen),
        ambiguous=bool(ambiguous),
        late_s=_rarely(rng, 0.15, 0.3),
    )


_KINDS = ('nan', 'inf', 'degrees', 'range', 'short')
_UNUSUAL: tuple[Callable[[GateTrial, np.random.Generator], None], ...] = (
    lambda trial, rng: trial.sleep(float(rng.choice([0.02, 0.05, 0.2, 0.6]))),
    lambda trial, rng: trial.clock_jump(float(rng.choice([-5.0, -0.7, -0.03, 0.03, 0.7, 8.0]))),
    lambda trial, rng: trial.broken_sample(str(rng.choice(_KINDS))),
    lambda trial, rng: trial.sample(trial.true_joints + rng.uniform(-0.5, 0.5, 7)),
    _some_ghost,
    lambda trial, rng: trial.no_ghost(),
    lambda trial, rng: trial.guide(rng.uniform(-1.0, 1.0, 7) * rng.choice([0.0, 0.1, 1.0])),
    _some_inputs,
    lambda trial, rng: trial.stick(stuck=bool(rng.random() < 0.5)),
    lambda trial, rng: trial.disarm(),
    lambda trial, rng: trial.cancel(),
    lambda trial, rng: trial.fault(),
    lambda trial, rng: trial.robot_ready(ready=bool(rng.random() < 0.5)),
    lambda trial, rng: trial.others(int(rng.random() < 0.3), bool(rng.random() < 0.3)),
    lambda trial, rng: trial.slow(float(rng.choice([0.0, 1e-9, 0.3, 1.0]))),
    lambda trial, rng: trial.limits(
        **{name: usual * float(rng.choice([0.0, 0.1, 1.0, 3.0])) for name, usual in USUAL.items()}
    ),
    lambda trial, rng: trial.home(),
    lambda trial, rng: trial.arm(),
    lambda trial, rng: trial.reset(),
)
