"""Random plans through the executor: do the commands keep the limits of the robot's joints?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.command_stream import CommandStream, StreamFigures
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedGrip, ClearedRoute
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import JointLimits
from jepa_wm_ros.robot.motion import ArmCommand, ExecutionSettings, Moment, MotionPlan
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_limits import SafetyLimits

_LONGEST = 3000
_CAMERA_PERIODS = 6
_LONGEST_STEP_M = 0.15
_LARGEST_TURN_RAD = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFigures:
    """What was seen.

    Attributes:
        plans: How many plans there were.
        refused: How many of them were refused, because there is no way.
        stopped: How many were cancelled on the way.
        faults: How many ended in a fault.
        stream: Extremes of the commands.
    """

    plans: int
    refused: int
    stopped: int
    faults: int
    stream: StreamFigures


@dataclass(slots=True, eq=False)
class _Arm:
    """An arm that follows exactly, one period behind, on a clock of its own."""

    executor: ArmExecutor
    sent: list[ArmCommand]
    joints: NDArray[np.float64] = field(default_factory=READY_POSTURE.copy)
    now_s: float = 100.0
    periods: int = 0

    @property
    def now(self) -> Moment:
        return Moment(self.now_s, self.now_s)

    def moves(self) -> bool:
        """Whether a motion is under way."""
        return self.executor.motion is not None

    def step(self) -> None:
        """Let one period pass."""
        self.periods += 1
        self.now_s += self.executor.settings.period_s
        if self.sent:
            self.joints = self.sent[-1].joint_positions
        self.executor.joints_seen(self.now_s, self.joints, None, self.now)
        if self.periods % _CAMERA_PERIODS == 0:
            self.executor.picture_seen(self.now_s, False, self.now)
        self.executor.tick(self.now)


class _Wire:
    """Keeps what the gate lets pass."""

    def __init__(self) -> None:
        self.sent: list[ArmCommand] = []

    def send(self, cleared: ClearedCommand) -> None:
        """Keep a set-point."""
        self.sent.append(cleared.command)

    def grip(self, cleared: ClearedGrip) -> None:
        """Leave the gripper alone."""

    def play(self, cleared: ClearedRoute) -> None:
        """Play nothing."""


def random_plans(
    joints: JointLimits, plans: int, seed: int, settings: ExecutionSettings | None = None
) -> LimitFigures:
    """Execute random plans, every third of them cancelled on the way.

    Args:
        joints: Table of limits.
        plans: How many.
        seed: Of what is random.
        settings: Of the executor.
    """
    rng = np.random.default_rng(seed)
    kinematics = Kinematics()
    refused = stopped = faults = 0
    figures: StreamFigures | None = None
    for number in range(plans):
        arm = _arm(kinematics, joints, settings or ExecutionSettings())
        plan = _random_plan(rng, arm.now_s, kinematics)
        stream = CommandStream()
        stream.add(0.0, arm.joints)
        ended: list[object] = []
        if arm.executor.execute(plan, arm.now, ended.append) is not None:
            refused += 1
            continue
        stop_at = int(rng.integers(3, 60)) if number % 3 == 0 else _LONGEST
        stopped += _run(arm, stop_at)
        faults += arm.executor.supervisor.fault is not None
        _collect(stream, arm)
        seen = stream.figures(joints)
        figures = seen if figures is None else figures.joined(seen)
    assert figures is not None, 'some plans can be executed'
    return LimitFigures(
        plans=plans, refused=refused, stopped=stopped, faults=faults, stream=figures
    )


def _arm(kinematics: Kinematics, joints: JointLimits, settings: ExecutionSettings) -> _Arm:
    """Return an armed arm at its ready posture."""
    wire = _Wire()
    executor = ArmExecutor(
        kinematics=kinematics,
        supervisor=SafetySupervisor(limits=SafetyLimits(joints=joints)),
        settings=settings,
        wire=wire,
    )
    arm = _Arm(executor, wire.sent)
    for _ in range(2 * _CAMERA_PERIODS):
        arm.step()
    executor.arm(arm.now)
    return arm


def _run(arm: _Arm, stop_at: int) -> bool:
    """Let a motion end; return whether it was cancelled on the way."""
    for period in range(_LONGEST):
        if not arm.moves():
            return False
        if period == stop_at:
            arm.executor.cancel(arm.now)
            while arm.moves():
                arm.step()
            return True
        arm.step()
    return False


def _collect(stream: CommandStream, arm: _Arm) -> None:
    """Add the commands of a motion, with the times at which the arm shall be there."""
    settings = arm.executor.settings
    for number, command in enumerate(arm.sent):
        if not command.hold:
            due_s = settings.lookahead_s + number * settings.period_s
            stream.add(due_s, command.joint_positions)


def _random_plan(rng: np.random.Generator, now_s: float, kinematics: Kinematics) -> MotionPlan:
    """Return up to three actions, often beyond every limit."""
    actions = np.zeros((int(rng.integers(1, 4)), 7))
    actions[:, :3] = rng.uniform(-_LONGEST_STEP_M, _LONGEST_STEP_M, (len(actions), 3))
    turns = rng.uniform(-_LARGEST_TURN_RAD, _LARGEST_TURN_RAD, (len(actions), 3))
    actions[:, 3:6] = turns * (rng.random() < 0.5)
    return MotionPlan(
        actions=actions,
        step_duration_s=float(rng.uniform(0.1, 1.0)),
        observation_stamp_s=now_s,
        observation_pose=kinematics.forward(READY_POSTURE),
    )
