"""Planner, action publisher and simulator in one node, as far as a client sees them."""

import threading

from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import Plan, SafetyStatus
from jepa_wm_msgs.srv import ResetCell
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.waiting import first_of
from jepa_wm_ros.ros.worker import future_for


class FakeGraph:
    def __init__(self, graph):
        self.armed = False
        self.arm_refusals = 2
        self.accepts = True
        self.answers = True
        self.result = ReachGoal.Result(code=ReachGoal.Result.REACHED, message='there', steps=3)
        self.goals = []
        self.cancelled = threading.Event()
        self.begun = threading.Event()
        self._graph = graph
        node = self.node = graph.node('planner')
        group = ReentrantCallbackGroup()
        self._server = ActionServer(
            node,
            ReachGoal,
            'reach_goal',
            execute_callback=self._reach,
            goal_callback=lambda _: GoalResponse.ACCEPT if self.accepts else GoalResponse.REJECT,
            cancel_callback=self._cancel,
            callback_group=group,
        )
        node.declare_parameter('stop_when_reached', True)
        node.declare_parameter('goal_name', '')
        node.create_service(Trigger, 'capture_goal', self._capture)
        node.create_service(SetBool, 'arm', self._arm)
        node.create_service(ResetCell, 'reset', self._reset)
        node.create_service(Trigger, 'clear_goal', self._clear)
        node.create_service(SetBool, 'pause', self._pause)
        node.create_service(Trigger, 'home', self._home, callback_group=group)
        self.paused = self.cleared = False
        self.home_s, self.home_refusal = 0.0, ''
        self.plans = node.create_publisher(Plan, 'plan', qos.latest())
        self.truth = node.create_publisher(PoseStamped, 'ground_truth', qos.latest())
        self.status = node.create_publisher(SafetyStatus, 'safety_status', qos.latched())
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def close(self):
        self._closing.set()
        self._thread.join()

    def _spin(self):
        while not self._closing.is_set():
            self._graph.executor.spin_once(timeout_sec=0.02)

    def _arm(self, request, response):
        self.arm_refusals -= 1 if request.data else 0
        response.success = not request.data or self.arm_refusals < 0
        response.message = '' if response.success else 'joint states are stale'
        self.armed = request.data and response.success
        return response

    def _reset(self, request, response):
        response.success = request.position.z > 0.1
        response.message = '' if response.success else 'out of reach'
        response.ee_pose.position = request.position
        return response

    def leave(self):
        """Serve goals no more."""
        self._server.destroy()

    def _pause(self, request, response):
        self.paused = request.data
        response.success, response.message = True, 'paused' if request.data else 'going on'
        return response

    def _capture(self, _, response):
        name = self.node.get_parameter('goal_name').value
        response.success, response.message = True, f'captured as {name!r}'
        return response

    async def _home(self, _, response):
        if self.home_s:
            await first_of(self.node, (), self.home_s)
        response.success = not self.home_refusal
        response.message = self.home_refusal or 'the arm is at home'
        return response

    def _clear(self, _, response):
        self.cleared = True
        response.success, response.message = True, 'no goal was under way'
        return response

    def _cancel(self, _):
        self.cancelled.set()
        self._stop.set_result(None)
        return CancelResponse.ACCEPT

    async def _reach(self, handle):
        self.goals.append(handle.request)
        self._stop = future_for(self._graph.executor)
        for step in range(3):
            handle.publish_feedback(ReachGoal.Feedback(step=step, cost=1.0 / (step + 1)))
        self.begun.set()
        if not self.answers:
            await self._stop
            handle.canceled()
            return ReachGoal.Result(code=ReachGoal.Result.CANCELED)
        handle.succeed()
        return self.result
