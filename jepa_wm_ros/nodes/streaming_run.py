"""Pursuing a goal without stops: the arm moves while the next plan is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_msgs.action import ExecuteActions

from jepa_wm_ros.nodes.goal_run import GoalRun
from jepa_wm_ros.nodes.goals import GoalCode, GoalError

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.arm_stream import ArmStream
    from jepa_wm_ros.nodes.goals import GoalSession
    from jepa_wm_ros.nodes.observations import EncodedObservation
    from jepa_wm_ros.planning.plan import Plan

_REPLAN_STEPS = 0.5
"""Time between two looks, in steps of the model: more plans than that only cost time."""


class StreamingRun(GoalRun):
    """Sends whole plans, each of which replaces the tail of the one before.

    Steps are counted by time: `step_duration_s` of motion is one step. A goal that seems to be
    reached on the way is looked at again at rest; sub-goals are passed without a stop.

    Args:
        stream: The motion under way.
        args: Of `GoalRun`.
    """

    def __init__(self, stream: ArmStream, *args: Any) -> None:
        super().__init__(*args)
        self._stream = stream

    async def _finish(self) -> None:
        if not self._preempted:  # a newer goal goes on from the motion under way
            await self._stream.rest()
        if self._session is not None:
            self._count(self._session)

    async def _look(self, after_s: float) -> EncodedObservation:
        if self._resume is not None:
            await self._stream.rest()
        observation = await super()._look(after_s)
        if self._session is not None:
            self._count(self._session)
        for result in self._stream.results():
            self._judge_motion(result)
        return observation

    async def _execute(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> float:
        """Send a whole plan; look again half a step later."""
        message = self._message(session, plan, observation)
        message.execute_steps = message.horizon
        self._stream.send(message)
        self._tools.show_plan(message)
        return observation.stamp_s + _REPLAN_STEPS * message.step_duration_s

    async def _hold(
        self, session: GoalSession, plan: Plan, observation: EncodedObservation
    ) -> float:
        """Send nothing: the plan under way goes on to its end, where the arm rests."""
        if self._stream.moving:
            step_s = self._tools.mind.model.contract.step_duration_s
            return observation.stamp_s + _REPLAN_STEPS * float(step_s)
        return await super()._hold(session, plan, observation)

    async def _rest(self) -> float | None:
        return await self._stream.rest()

    def _count(self, session: GoalSession) -> None:
        steps = self._stream.steps_passed(self._tools.mind.model.contract.step_duration_s)
        if steps:
            session.executed(steps)
            self._tools.mind.passed(steps)

    def _judge_motion(self, result: Any) -> None:
        if result.code == ExecuteActions.Result.BUSY:
            raise GoalError(
                GoalCode.EXECUTION_FAILED,
                'the action publisher executes one plan at a time: start it with '
                'execution:=streaming, as the planner',
            )
        super()._judge_motion(result)

    @property
    def _preempted(self) -> bool:
        return self._ended is not None and self._ended.code is GoalCode.PREEMPTED

    def _halt_motion(self) -> None:
        if not self._preempted:
            self._stream.halt()
