"""A stream of plans: each replaces the one under way, and the arm goes on meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_msgs.action import ExecuteActions

from jepa_wm_ros.nodes.goals import GoalError
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.ros.waiting import first_of, settled
from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from jepa_wm_msgs.msg import Plan
    from rclpy.task import Future

    from jepa_wm_ros.nodes.arm_client import ArmClient
    from jepa_wm_ros.ros.lifecycle import ManagedNode

_REPLACED = ExecuteActions.Result.PREEMPTED


class ArmStream:
    """The motion under way, whoever asked for it: a newer goal goes on where the older one was.

    Args:
        node: Its executor runs the coroutines.
        arm: Executes plans; its server must run with `execution: streaming`.
    """

    def __init__(self, node: ManagedNode, arm: ArmClient) -> None:
        self._node = node
        self._arm = arm
        self._halt: Future | None = None
        self._following: Future | None = None
        self._counted_s = 0.0
        self._rested_s = 0.0
        self._results: list[Any] = []
        self._error: GoalError | None = None

    @property
    def moving(self) -> bool:
        """Whether a plan is being executed."""
        return self._following is not None

    def send(self, plan: Plan) -> None:
        """Replace the plan under way, or begin to move."""
        if not self.moving:
            self._counted_s = now_s(self._node)
        halt, done = future_for(self._node.executor), future_for(self._node.executor)
        self._halt, self._following = halt, done
        sending = self._arm.send(plan)
        motion_s = plan.execute_steps * plan.step_duration_s
        follow = self._node.guard(self._follow)
        self._node.executor.create_task(follow, sending, motion_s, halt, done)

    def halt(self) -> None:
        """Have the motion under way cancelled."""
        if self._halt is not None and not settled(self._halt):
            self._halt.set_result(None)

    async def rest(self) -> float | None:
        """Cancel the motion under way; return when the arm came to rest [s], None without one."""
        following = self._following
        if following is None:
            return None
        self.halt()
        await first_of(self._node, (following,))
        return self._rested_s

    def steps_passed(self, step_s: float) -> int:
        """Whole steps of `step_s` [s] during which the arm moved and that were not counted yet."""
        until_s = now_s(self._node) if self.moving else self._rested_s
        steps = max(0, int((until_s - self._counted_s) / step_s + 1e-6))
        self._counted_s += steps * step_s
        return steps

    def results(self) -> list[Any]:
        """Results of plans that ended since the last call: not replaced, not halted.

        Raises:
            GoalError: The action publisher went silent, or rejected a plan.
        """
        results, self._results = self._results, []
        error, self._error = self._error, None
        if error is not None:
            raise error
        return results

    async def _follow(self, sending: Future, motion_s: float, halt: Future, done: Future) -> None:
        """Wait for the end of one plan."""
        result = None
        try:
            result = await self._arm.finish(sending, motion_s, halt)
        except GoalError as error:
            self._error = error
        finally:
            if self._following is done:
                self._following = None
                stopped_s = 0.0 if result is None else decode_stamp(result.completed)
                self._rested_s = stopped_s or now_s(self._node)
            done.set_result(None)
        if result is not None and result.code != _REPLACED and not settled(halt):
            self._results.append(result)
