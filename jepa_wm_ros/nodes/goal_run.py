"""One goal from acceptance to end: look, judge, plan, move, look again."""

from __future__ import annotations

import math
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jepa_wm_msgs.action import ExecuteActions, ReachGoal

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.goals import GoalCode, GoalError, GoalSession, SubGoal, Verdict
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.ros.plans import encode_plan
from jepa_wm_ros.ros.waiting import first_of, settled
from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_msgs.msg import Plan as PlanMessage
    from rclpy.node import Node
    from rclpy.task import Future

    from jepa_wm_ros.nodes.arm_client import ArmClient
    from jepa_wm_ros.nodes.goal_requests import GoalRequest
    from jepa_wm_ros.nodes.mind import Mind
    from jepa_wm_ros.nodes.observations import EncodedObservation, ObservationStream
    from jepa_wm_ros.planning.plan import Plan

_Code = ExecuteActions.Result
_MOVED = (_Code.SUCCEEDED, _Code.NOT_SETTLED)
# A busy machine may be late for one moment: worth another look, not worth giving up.
_LOOK_AGAIN = (_Code.PLAN_TOO_OLD, _Code.DRIFTED, _Code.JOINTS_STALE, _Code.IMAGE_STALE)
_ENDINGS = {
    _Code.NOT_ARMED: GoalCode.NOT_ARMED,
    _Code.FAULT: GoalCode.FAULT,
    _Code.IMAGE_STALE: GoalCode.NO_OBSERVATION,
    _Code.IMAGE_FROZEN: GoalCode.NO_OBSERVATION,
}
_MAX_REFUSALS = 3
_MAX_NOT_MOVED = 2
_THINKING_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSettings:
    """How to pursue a goal.

    Attributes:
        stop_when_reached: Whether to stop then, or to use all steps.
        stall_steps: Steps without a fall of the distance after which to give up; 0 never does.
        observation_timeout_s: Longest wait for a new observation [s].
        base_frame: Frame of the actions.
        hold_when_worse: Whether a plan of which the model expects less than of doing nothing is
            not executed.
    """

    stop_when_reached: bool
    stall_steps: int
    observation_timeout_s: float
    base_frame: str
    hold_when_worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalTools:
    """What pursuing a goal takes.

    Attributes:
        node: Clock, log and executor.
        mind: Encodes, judges and plans.
        eyes: Brings observations.
        arm: Executes plans.
        show_goal: Called with each sub-goal as its turn comes.
        show_plan: Called with each plan before it is executed.
    """

    node: Node
    mind: Mind
    eyes: ObservationStream
    arm: ArmClient
    show_goal: Callable[[SubGoal], None]
    show_plan: Callable[[PlanMessage], None]


class GoalRun:
    """Pursues one goal, blocking: each plan begins at rest; can be stopped and paused any time.

    Args:
        request: The goal.
        tools: What it takes.
        settings: How to do it.
        on_feedback: Called after each observation with `ReachGoal.Feedback`.
    """

    def __init__(
        self,
        request: GoalRequest,
        tools: GoalTools,
        settings: GoalSettings,
        on_feedback: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self.request = request
        self._tools = tools
        self._settings = settings
        self._on_feedback = on_feedback
        self._started = time.monotonic()
        self._session: GoalSession | None = None
        self._plan_time_s = math.nan
        self._refusals = 0
        self._not_moved = 0
        self._ended: GoalError | None = None
        self._stop = future_for(tools.node.executor)
        self._halt = future_for(tools.node.executor)
        self._resume: Future | None = None
        self.done = future_for(tools.node.executor)
        """Resolved when the goal has ended and nothing moves any more."""

    def stop(self, code: GoalCode, message: str) -> None:
        """End the goal; the first reason wins. A motion under way is cancelled."""
        if self._ended is None:
            self._ended = GoalError(code, message)
            self._stop.set_result(None)
            self._tools.mind.interrupt()
            self._halt_motion()

    def pause(self) -> None:
        """Cancel the motion under way and plan no more until `resume`."""
        if self._resume is None:
            self._resume = future_for(self._tools.node.executor)
            self._halt_motion()

    def resume(self) -> None:
        """Go on: look again, and plan with the warm start that was kept."""
        if self._resume is not None:
            self._resume.set_result(None)
            self._resume = None

    async def pursue(self) -> Any:
        """Pursue the goal to its end.

        Returns:
            `ReachGoal.Result`; never raises an error for people, the code tells it.
        """
        try:
            code, message = await self._pursue()
        except GoalError as error:
            code, message = error.code, str(error)
        finally:
            await self._finish()
            self.done.set_result(None)
        result = ReachGoal.Result(code=int(code), message=message)
        result.duration_s = time.monotonic() - self._started
        session = self._session
        result.steps = session.steps if session else 0
        result.final_cost = session.cost if session else math.nan
        result.best_cost = session.best_cost if session else math.nan
        return result

    async def _pursue(self) -> tuple[GoalCode, str]:
        tools = self._tools
        after_s = now_s(tools.node)
        session = self._session = await self._begin()
        tools.show_goal(session.current)
        while True:
            observation = await self._look(after_s)
            goal = session.current.latent
            cost = await self._thought(tools.mind.distance(observation.latent, goal))
            verdict = session.judge(cost)
            self._tell(session)
            if verdict is Verdict.END:
                rested_s = await self._rest()
                if rested_s is None:
                    return session.ending()
                after_s = rested_s  # it looked so on the way: look again at rest
                continue
            if verdict is Verdict.NEXT:
                session.advance()
                await self._thought(tools.mind.turn())
                tools.show_goal(session.current)
                continue
            plan = await self._thought(tools.mind.plan(observation.latent, goal))
            after_s = await self._move(session, plan, observation)

    async def _begin(self) -> GoalSession:
        """Encode the goal pictures."""
        parts = self.request.parts
        latents = await self._thought(self._tools.mind.begin([part.picture for part in parts]))
        return GoalSession(
            sub_goals=[
                SubGoal(
                    latent=latent,
                    max_steps=part.max_steps,
                    reached_cost=part.reached_cost,
                    name=part.name,
                    picture=part.message,
                    pose=part.pose,
                )
                for part, latent in zip(parts, latents, strict=True)
            ],
            stop_when_reached=self._settings.stop_when_reached,
            stall_steps=self._settings.stall_steps,
        )

    async def _finish(self) -> None:
        """Leave nothing moving behind; blocking, nothing moves between plans."""

    async def _rest(self) -> float | None:
        """Bring the arm to rest; return when it came to rest [s], None if it rests already."""
        return None

    async def _look(self, after_s: float) -> EncodedObservation:
        """The next observation, after a pause if there is one."""
        while (gate := self._resume) is not None:
            await first_of(self._tools.node, (gate, self._stop))
            self._check()
        timeout_s = self._settings.observation_timeout_s
        observation = await self._tools.eyes.after(after_s, self._stop, timeout_s)
        self._check()
        if observation is None:
            raise GoalError(GoalCode.NO_OBSERVATION, self._tools.eyes.absence(timeout_s))
        return observation

    async def _thought(self, job: Future, limit_s: float = _THINKING_S) -> Any:
        """The result of a job on the worker."""
        happened = await first_of(self._tools.node, (job, self._stop), limit_s)
        self._check()
        if happened is None:
            raise GoalError(
                GoalCode.PLANNING_FAILED, f'the model did not answer within {limit_s:g} s'
            )
        try:
            return job.result()
        except JepaWmError as error:
            raise GoalError(GoalCode.PLANNING_FAILED, str(error)) from error
        except Exception as error:
            self._tools.node.get_logger().error(f'the model failed:\n{traceback.format_exc()}')
            raise GoalError(
                GoalCode.PLANNING_FAILED, f'the model failed: {type(error).__name__}: {error}'
            ) from error

    async def _move(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> float:
        """Execute a plan; returns the moment after which to look again [s]."""
        if not plan.finite:
            raise GoalError(
                GoalCode.PLANNING_FAILED, 'the plan is not finite; nothing was sent to the arm'
            )
        self._plan_time_s = plan.plan_time_s
        self._halt = future_for(self._tools.node.executor)
        await self._tools.arm.ready(self._halt)
        self._check()
        if self._resume is not None:
            return observation.stamp_s  # paused meanwhile: look again afterwards
        if self._settings.hold_when_worse and plan.worse_than_nothing:
            return await self._hold(session, plan, observation)
        return await self._execute(session, plan, observation)

    async def _hold(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> float:
        """Do nothing for a step, which counts as one."""
        tools = self._tools
        tools.node.get_logger().info(
            f'holding for a step: of the plan the model expects the cost {plan.cost:.4g}, of '
            f'doing nothing {plan.cost_noop:.4g} (hold_when_worse)'
        )
        await first_of(tools.node, (self._stop,), tools.mind.model.contract.step_duration_s)
        self._check()
        session.executed(1)
        tools.mind.executed(np.zeros_like(plan.actions[:1]))
        return observation.stamp_s

    async def _execute(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> float:
        """Send a plan and wait until the arm rests."""
        tools = self._tools
        message = self._message(session, plan, observation)
        message.execute_steps = min(plan.execute_steps, session.steps_left)
        sending = tools.arm.send(message)
        tools.show_plan(message)  # after sending: the arm comes first
        motion_s = message.execute_steps * message.step_duration_s
        result = await tools.arm.finish(sending, motion_s, self._halt)
        self._count_motion(session, plan, message, result)
        self._check()
        self._judge_motion(result)
        return max(decode_stamp(result.completed), observation.stamp_s)

    def _count_motion(
        self, session: GoalSession, plan: Plan, message: PlanMessage, result: Any
    ) -> None:
        """Count the steps of a plan and tell the model what was done."""
        still = result.code == _Code.NOT_MOVED
        # they were commanded: a goal must not try for ever
        steps = result.executed_steps or (message.execute_steps if still else 0)
        actions = plan.actions[:steps]
        session.executed(steps)
        self._tools.mind.executed(np.zeros_like(actions) if still else actions)

    def _judge_still(self, result: Any) -> None:
        """Look again after a plan that moved nothing; two in a row end the goal."""
        self._not_moved += 1
        if self._not_moved < _MAX_NOT_MOVED:
            self._tools.node.get_logger().warning(f'looking again: {result.message}')
            return
        raise GoalError(
            GoalCode.NOT_MOVED,
            f'{_MAX_NOT_MOVED} plans in a row moved the arm by less than a tenth of what was '
            f'commanded; action_publisher: {result.message}',
        )

    def _judge_motion(self, result: Any) -> None:
        if result.code == _Code.NOT_MOVED and not settled(self._halt):
            self._judge_still(result)
            return
        self._not_moved = 0
        paused = self._resume is not None and result.code == _Code.CANCELED
        if result.code in _MOVED or paused or settled(self._halt):
            self._refusals = 0
            return
        self._refusals += 1
        if result.code in _LOOK_AGAIN and self._refusals < _MAX_REFUSALS:
            self._tools.node.get_logger().warning(f'looking again: {result.message}')
            return
        code = _ENDINGS.get(result.code, GoalCode.EXECUTION_FAILED)
        raise GoalError(code, f'action_publisher: {result.message}')

    def _message(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> PlanMessage:
        message = encode_plan(
            plan,
            observation_stamp=observation.stamp,
            observation_pose=observation.pose,
            step_duration_s=self._tools.mind.model.contract.step_duration_s,
        )
        message.header.stamp = self._tools.node.get_clock().now().to_msg()
        message.header.frame_id = self._settings.base_frame
        message.goal_id = self.request.goal_id
        message.bundle = self._tools.mind.model.contract.fingerprint
        message.step = session.steps
        return message

    def _tell(self, session: GoalSession) -> None:
        feedback = ReachGoal.Feedback(subgoal=session.index, step=session.steps)
        feedback.cost, feedback.best_cost = session.cost, session.best_cost
        feedback.plan_time_s = self._plan_time_s
        feedback.elapsed_s = time.monotonic() - self._started
        self._on_feedback(feedback)

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _halt_motion(self) -> None:
        if not settled(self._halt):
            self._halt.set_result(None)
