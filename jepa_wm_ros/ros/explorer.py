"""A client that moves the arm by actions of its own, not by a planner's."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import Plan
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.parameter import Parameter

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.conversions import decode_stamp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOOK_S = 0.02
_HEAR_S = 10.0
_SETTLING_S = 10.0


class ExplorerClient(GraphClient):
    """A connection to the graph of the simulated cell, for whoever moves the arm himself.

    Args:
        kwargs: What `GraphClient` accepts.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._execute = ActionClient(self.node, ExecuteActions, 'execute')
        self._cell = self.node.create_client(SetParameters, 'sim/set_parameters')
        self._pose: PoseStamped | None = None
        self.node.create_subscription(PoseStamped, 'ee_pose', self._keep_pose, qos.sensor())

    def look(self, variation: str, seed: int) -> None:
        """Give the cell a look: a variation of the sim node, and which one.

        Raises:
            GraphError: The simulator refuses.
        """
        values = {'variation': variation, 'appearance_seed': seed}
        request = SetParameters.Request(
            parameters=[Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        )
        for result in self._call(self._cell, request, 'sim/set_parameters').results:
            if not result.successful:
                raise GraphError(f'the simulator refuses a parameter: {result.reason}')

    def here(self) -> PoseStamped:
        """Return a flange pose that was measured after this was called.

        Raises:
            GraphError: Nobody publishes one.
        """
        before, deadline = self._pose, time.monotonic() + _HEAR_S
        while self._pose is None or self._pose is before:
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError('nobody publishes ee_pose; is the simulator running?')
            time.sleep(_LOOK_S)
        return self._pose

    def execute(
        self, actions: NDArray[np.float64], step_duration_s: float, slowest: float = 1.0
    ) -> ExecuteActions.Result:
        """Execute actions as one smooth motion from where the arm is, and wait for its end.

        Args:
            actions: `(H, 7)`; see `Plan.actions`.
            step_duration_s: How long one takes [s], on the clock of the graph.
            slowest: Seconds of waiting for one second of the graph's clock.

        Returns:
            What the action publisher says, whatever it is. An interrupted wait cancels.

        Raises:
            GraphError: It rejects the plan, or does not answer.
        """
        goal = ExecuteActions.Goal(plan=self._plan(actions, step_duration_s))
        self._find(self._execute.server_is_ready, 'execute')
        handle = self._ask(lambda: self._execute.send_goal_async(goal), 'execute')
        if not handle.accepted:
            raise GraphError('the action publisher rejects the plan; is it active? see its log')
        finishing = self.start(handle.get_result_async)
        limit_s = 3.0 * slowest * len(actions) * step_duration_s + _SETTLING_S
        try:
            return self._wait(finishing, 'execute', limit_s).result
        except BaseException:
            self._cancel(handle, finishing)
            raise

    def _plan(self, actions: NDArray[np.float64], step_duration_s: float) -> Plan:
        here = self.here()
        plan = Plan(header=here.header, observation_pose=here.pose)
        plan.observation_stamp = here.header.stamp
        plan.step_duration_s = float(step_duration_s)
        plan.horizon, plan.action_dim = actions.shape
        plan.execute_steps = len(actions)
        plan.actions = array('d', actions.ravel())
        return plan

    def _keep_pose(self, message: PoseStamped) -> None:
        # What is stamped 0 was never measured.
        if decode_stamp(message.header.stamp) > 0.0:
            self._pose = message
