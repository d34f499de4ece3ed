"""Blocking against streaming: the same executor and cell in lockstep, with the same delay.

The clock is that of the simulation, so the result does not depend on how busy the computer is: a
plan arrives `delay_s` after its picture was taken, and the arm goes on meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.episodes import draw_episode
from jepa_wm_ros.evaluation.statistics import percentile
from jepa_wm_ros.robot.belief import QUIET_S, RESEAT_S
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedGrip, ClearedRoute
from jepa_wm_ros.robot.motion import ExecutionSettings, Moment, MotionPlan
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.sim.driven import DrivenCell
from jepa_wm_ros.sim.following import Waypoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.episodes import EpisodeDraw, EpisodeSettings
    from jepa_wm_ros.planning.policy import Policy
    from jepa_wm_ros.robot.motion import MotionResult
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.sim.simulation import CellSimulation
    from jepa_wm_ros.worldmodel.latent import Latent

NEAR_M = 0.05
"""This near to the goal counts as there [m]."""
_REST_S = 0.3
_STREAM_STEPS = 0.5


class LockstepError(JepaWmError):
    """The arm could not be moved in lockstep."""


class LockstepArm:
    """The executor in front of the simulated cell, on the clock of the simulation.

    Args:
        simulation: The cell.
        streaming: Whether plans replace each other.
    """

    def __init__(self, simulation: CellSimulation, *, streaming: bool) -> None:
        self._cell = DrivenCell(simulation)
        self._settings = ExecutionSettings(streaming=streaming)
        self._executor = ArmExecutor(
            kinematics=simulation.kinematics,
            supervisor=SafetySupervisor(limits=SafetyLimits()),
            settings=self._settings,
            wire=self,
        )
        self.results: list[MotionResult] = []
        """How motions ended, or why they never began."""

    @property
    def time_s(self) -> float:
        """Now, on the clock of the simulation [s]."""
        return self._cell.simulation.time_s

    @property
    def pose(self) -> Pose:
        """The flange in the base frame."""
        return self._cell.simulation.flange_pose

    @property
    def moving(self) -> bool:
        """Whether a plan is being executed."""
        return self._executor.motion is not None

    def reset(self, position: NDArray[np.float64], rng: np.random.Generator) -> None:
        """Put the flange to `(3,)` [m], at rest, and arm.

        Raises:
            LockstepError: The supervisor refuses.
        """
        self.stop()
        self._cell.reset(position, rng)
        # The arm was put elsewhere: its state is doubtful until the old one is over.
        self.wait(RESEAT_S + QUIET_S + 0.1)
        refusal = self._executor.arm(self._now())
        if refusal is not None:
            raise LockstepError(f'the supervisor refuses to arm: {refusal.message}')

    def wait(self, duration_s: float) -> None:
        """Let time pass."""
        for _ in range(round(duration_s / self._settings.period_s)):
            self._tick()

    def execute(self, plan: MotionPlan) -> None:
        """Begin to execute a plan, or blend into it.

        Raises:
            LockstepError: The supervisor refuses.
        """
        refusal = self._executor.execute(plan, self._now(), self.results.append)
        if refusal is not None:
            raise LockstepError(f'the supervisor refuses a plan: {refusal.message}')

    def finish(self) -> None:
        """Let the motion under way end by itself."""
        while self.moving:
            self._tick()

    def stop(self) -> None:
        """End the motion under way, and wait until the arm rests."""
        if self.moving:
            self._executor.cancel(self._now())
        self.finish()
        self.wait(_REST_S)

    def _tick(self) -> None:
        self._cell.advance(self._settings.period_s)
        simulation, now = self._cell.simulation, self._now()
        self._executor.joints_seen(
            simulation.time_s, simulation.joint_positions, simulation.gripper, now
        )
        self._executor.picture_seen(simulation.time_s, False, now)
        self._executor.tick(now)

    def _now(self) -> Moment:
        return Moment(self.time_s, self.time_s)

    def send(self, cleared: ClearedCommand) -> None:
        """Have the cell follow a set-point that the gate has cleared."""
        command = cleared.command
        if command.hold:
            self._cell.hold()
            return
        due = Waypoint(
            self._settings.lookahead_s, command.joint_positions, command.joint_velocities
        )
        self._cell.follow_joints([due])

    def grip(self, cleared: ClearedGrip) -> None:
        """Leave the gripper alone: the episodes only reach."""

    def play(self, cleared: ClearedRoute) -> None:
        """Play nothing: every set-point is sent at its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One episode.

    Attributes:
        final_distance_m: Of the flange from the goal, at rest after all steps [m].
        near_after_s: When the flange was first near the goal [s]; None: never.
        plans: How many plans were executed.
    """

    final_distance_m: float
    near_after_s: float | None
    plans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFigures:
    """What one kind of execution did.

    Attributes:
        streaming: Which kind.
        delay_s: From a picture to the plan that was made from it [s].
        episodes: How many.
        near: Episodes that ended within 5 cm of the goal.
        near_3cm: ... within 3 cm.
        final_distance_m: Median at the end [m].
        near_after_s: Median time to the first moment within 5 cm [s]; None: too few.
        plans: Mean number of plans.
    """

    streaming: bool
    delay_s: float
    episodes: int
    near: int
    near_3cm: int
    final_distance_m: float
    near_after_s: float | None
    plans: float


class ExecutionBench:
    """Plays episodes of one kind of execution.

    Args:
        simulation: The cell.
        policy: Plans; is reset for each episode.
        settings: What the episodes are; the arm moves for `steps` steps in each.
        streaming: Whether plans replace each other.
        delay_s: From a picture to the plan that was made from it [s].
    """

    def __init__(
        self,
        simulation: CellSimulation,
        policy: Policy,
        settings: EpisodeSettings,
        *,
        streaming: bool,
        delay_s: float,
    ) -> None:
        self._simulation, self._policy, self._settings = simulation, policy, settings
        self._streaming, self._delay_s = streaming, delay_s
        self._arm = LockstepArm(simulation, streaming=streaming)
        self._step_s = policy.model.contract.step_duration_s

    def play(self) -> Iterator[Run]:
        """Play all episodes."""
        for index in range(self._settings.episodes):
            yield self._episode(draw_episode(self._settings, index))

    def _episode(self, draw: EpisodeDraw) -> Run:
        arm, policy, rng = self._arm, self._policy, draw.generator('environment')
        arm.reset(draw.goal, rng)
        _, goal = self._look()
        arm.reset(draw.start, rng)
        policy.reset()
        began_s, near_after_s, plans = arm.time_s, None, 0
        for _ in range(self._looks()):
            stamp_s = arm.time_s
            pose, latent = self._look()
            if near_after_s is None and _distance(pose, draw) <= NEAR_M:
                near_after_s = stamp_s - began_s
            plan = policy.plan(latent, goal)
            arm.wait(self._delay_s)
            self._move(plan.actions, pose, stamp_s)
            plans += 1
        arm.stop()
        return Run(
            final_distance_m=_distance(arm.pose, draw), near_after_s=near_after_s, plans=plans
        )

    def _looks(self) -> int:
        """How many plans make up the steps of an episode."""
        if not self._streaming:
            return self._settings.steps
        return round(self._settings.steps * self._step_s / self._period_s())

    def _period_s(self) -> float:
        return max(self._delay_s, _STREAM_STEPS * self._step_s)

    def _move(self, actions: NDArray[np.float64], pose: Pose, stamp_s: float) -> None:
        arm, policy = self._arm, self._policy
        count = len(actions) if self._streaming else 1
        arm.execute(
            MotionPlan(
                actions=actions[:count],
                step_duration_s=self._step_s,
                observation_stamp_s=stamp_s,
                observation_pose=pose,
            )
        )
        if not self._streaming:
            arm.finish()
            policy.executed(actions[0])
            return
        arm.wait(self._period_s() - self._delay_s)

    def _look(self) -> tuple[Pose, Latent]:
        from jepa_wm_ros.worldmodel.observation import encode_picture

        return self._arm.pose, encode_picture(self._policy.model, self._simulation.render())


def summarise(runs: list[Run], *, streaming: bool, delay_s: float) -> ExecutionFigures:
    """Return the figures of some episodes."""
    finals = [run.final_distance_m for run in runs]
    times = [np.inf if run.near_after_s is None else run.near_after_s for run in runs]
    median_s = float(np.median(times))
    return ExecutionFigures(
        streaming=streaming,
        delay_s=delay_s,
        episodes=len(runs),
        near=sum(final <= NEAR_M for final in finals),
        near_3cm=sum(final <= 0.03 for final in finals),
        final_distance_m=percentile(finals, 50) or 0.0,
        near_after_s=median_s if np.isfinite(median_s) else None,
        plans=float(np.mean([run.plans for run in runs])),
    )


def _distance(pose: Pose, draw: EpisodeDraw) -> float:
    return float(np.linalg.norm(pose.position - draw.goal))
