"""A world that fits into a test: one point that moves, a model that knows it, an arm that obeys.

The picture's mean colour is the position, so the right answer is known exactly.
"""

import threading
import time

import numpy as np
import torch
from contracts import small_contract
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from jepa_wm_msgs.msg import SafetyStatus
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose, now_s
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.waiting import first_of
from jepa_wm_ros.ros.worker import Worker, future_for
from jepa_wm_ros.worldmodel.latent import Latent

SCALE = 200.0  # grey values per metre
STREAM_STEP_S = 0.4  # how long one action of a streamed plan takes
START, GOAL = (0.40, 0.0, 0.40), (0.55, -0.12, 0.45)


def picture_of(position):
    """A chequered picture (32, 48, 3) whose mean colour tells the position (3,) [m]."""
    picture = np.zeros((32, 48, 3))
    picture[:] = 60.0 + SCALE * np.asarray(position, dtype=float)
    picture[::2, ::2] += 20.0
    picture[1::2, 1::2] += 20.0
    picture[::2, 1::2] -= 20.0
    picture[1::2, ::2] -= 20.0
    return picture.round().astype(np.uint8)


class PointModel:
    """A world model whose latent is the position [0.1 m], seen in the mean colour."""

    def __init__(self, **planning):
        settings = {'samples': 32, 'elites': 4, 'horizon': 3, 'reached_cost': 0.01} | planning
        self.contract = small_contract(
            settings, name='point', architecture={}, fingerprint='0123456789ab'
        )
        self.thinking = threading.Event()  # set while a plan is being made
        self.gate = threading.Event()  # cleared: plans take until it is set
        self.gate.set()
        self.poison = False  # predictions become NaN
        self.crash = False

    def parameters(self):
        return iter([torch.zeros(1)])  # who wants to know the device looks at them

    def encode(self, images, proprio=None):
        colours = (images.mean((-2, -1)) * 0.5 + 0.5) * 255.0
        return Latent(tokens=((colours - 60.0) / SCALE / 0.1)[:, :, None])

    def rollout(self, context, past_actions, actions):
        self.thinking.set()
        self.gate.wait(20.0)
        if self.crash:
            raise RuntimeError('CUDA error: out of memory')
        start = context.tokens[:, -1, None, None]
        tokens = start + actions[..., None, :3].cumsum(2) / 0.1
        return Latent(tokens=tokens * float('nan') if self.poison else tokens)


class OneModel:
    """A shelf with one model, whatever is asked for."""

    def __init__(self, model):
        self.model = model

    def load(self, folder, device, threads):
        return self.model


class FakeCell:
    """Camera, arm and action publisher in one node: executes actions after `motion_s`."""

    def __init__(self, graph, position=(0.4, 0.0, 0.4)):
        self.position = np.array(position, dtype=float)
        self.motion_s = 0.02
        self.code = ExecuteActions.Result.SUCCEEDED  # what plans are answered with
        self.message = ''
        self.rejects = False
        self.camera_on = True
        self.plans = []
        self.cancelled = 0
        self.braking_s = 0.0  # how long it takes to hold
        self.overlapped = False  # whether a plan came during a motion
        self.moving = False
        self.streaming = False  # whether a plan replaces the one under way
        self.replaced = 0
        self._way = None  # of a streamed plan: when it began [s], and its corners (H + 1, 3)
        node = self.node = graph.node('fake_cell')
        self._images = node.create_publisher(Image, 'image', qos.latest())
        self._poses = node.create_publisher(PoseStamped, 'ee_pose', qos.latest())
        self._status = node.create_publisher(SafetyStatus, 'safety_status', qos.latched())
        self._server = ActionServer(
            node,
            ExecuteActions,
            'execute',
            execute_callback=self._execute,
            goal_callback=lambda _: GoalResponse.REJECT if self.rejects else GoalResponse.ACCEPT,
            cancel_callback=self._cancel,
        )
        self._cancel_wish = None
        node.create_timer(0.02, self._publish)

    def status(self, state, message=''):
        self._status.publish(SafetyStatus(state=state, message=message))

    def die(self):
        """The action publisher is gone; camera and arm go on."""
        self._server.destroy()
        self._server = None

    def close(self):
        if self._server is not None:
            self._server.destroy()

    def _publish(self):
        if self._way is not None:
            self.position = self._along(self._way)
        stamp = self.node.get_clock().now().to_msg()
        pose = PoseStamped(pose=encode_pose(Pose(self.position)))
        pose.header.stamp = stamp
        self._poses.publish(pose)
        if self.camera_on:
            self._images.publish(encode_image(picture_of(self.position), stamp=stamp))

    def _cancel(self, _):
        self.cancelled += 1
        if self._cancel_wish is not None and not self._cancel_wish.done():
            self._cancel_wish.set_result(None)
        return CancelResponse.ACCEPT

    def _along(self, way):
        began_s, corners = way
        step = (time.monotonic() - began_s) / STREAM_STEP_S
        return np.array([np.interp(step, range(len(corners)), axis) for axis in corners.T])

    async def _stream(self, handle):
        """Go along the newest plan from where the arm is, until another one comes."""
        plan = handle.request.plan
        self.plans.append(plan)
        if self.code == ExecuteActions.Result.NOT_MOVED:
            handle.abort()
            result = ExecuteActions.Result(code=self.code, message=self.message)
            result.completed = self.node.get_clock().now().to_msg()
            return result
        previous, wish = self._cancel_wish, future_for(self.node.executor)
        if previous is not None and not previous.done():
            previous.set_result('replaced')
        actions = np.array(plan.actions).reshape(plan.horizon, plan.action_dim)
        moves = actions[: plan.execute_steps, :3]
        # along the plan's own path, where it would be by now: as the executor does
        seen_at = decode_pose(plan.observation_pose).position
        late_s = now_s(self.node) - decode_stamp(plan.observation_stamp)
        way = np.concatenate([[seen_at], seen_at + moves.cumsum(0)])
        began_s = time.monotonic() - (late_s if previous is not None else 0.0)
        self._way, self._cancel_wish, self.moving = (began_s, way), wish, True
        handle.publish_feedback(ExecuteActions.Feedback())
        left_s = began_s + STREAM_STEP_S * len(moves) - time.monotonic()
        happened = await first_of(self.node, (wish,), left_s)
        result = ExecuteActions.Result()
        if happened is not None and wish.result() == 'replaced':
            self.replaced += 1
            handle.abort()
            result.code = ExecuteActions.Result.PREEMPTED
            return result
        self._publish()
        self._way, self._cancel_wish, self.moving = None, None, False
        result.completed = self.node.get_clock().now().to_msg()
        if happened is not None:
            handle.canceled()
            result.code = ExecuteActions.Result.CANCELED
        else:
            handle.succeed()
            result.executed_steps = plan.execute_steps
        return result

    async def _execute(self, handle):
        if self.streaming:
            return await self._stream(handle)
        plan = handle.request.plan
        self.plans.append(plan)
        self.overlapped |= self.moving
        self.moving = True
        handle.publish_feedback(ExecuteActions.Feedback())  # once: what then dies goes mute
        self._cancel_wish = future_for(self.node.executor)
        wish = await first_of(self.node, (self._cancel_wish,), self.motion_s)
        if wish is not None and self.braking_s:
            await first_of(self.node, (future_for(self.node.executor),), self.braking_s)
        self.moving = False
        result = ExecuteActions.Result(code=self.code, message=self.message)
        if wish is not None:
            handle.canceled()
            result.code = ExecuteActions.Result.CANCELED
        elif self.code != ExecuteActions.Result.SUCCEEDED:
            handle.abort()
        else:
            actions = np.array(plan.actions).reshape(plan.horizon, plan.action_dim)
            self.position += actions[: plan.execute_steps, :3].sum(0)
            result.executed_steps = plan.execute_steps
            handle.succeed()
        result.completed = self.node.get_clock().now().to_msg()
        return result


class PolicyRig:
    """Encoder, planner and fake cell on one graph, and a user who sends goals."""

    def __init__(self, graph, linked=True, **overrides):
        self.graph = graph
        self.model = PointModel()
        self.cell = FakeCell(graph, START)
        worker, shelf = Worker(graph.executor), OneModel(self.model)
        self.encoder = graph.add(
            EncoderNode(
                worker,
                shelf,
                context=graph.context,
                parameter_overrides=[Parameter('pose_source', value='ee_pose')],
            )
        )
        self.planner = graph.add(
            PlannerNode(
                worker if linked else Worker(graph.executor),
                shelf,
                linked=linked,
                context=graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in overrides.items()],
            )
        )
        if linked:
            self.encoder.listeners.append(self.planner.observe)
        assert autostart(self.encoder)
        assert autostart(self.planner)
        self.user = graph.node('user')
        self.reach = ActionClient(self.user, ReachGoal, 'reach_goal')
        self.feedback = []
        graph.spin_until(self.reach.server_is_ready)
        graph.spin_until(lambda: self.planner._tools.arm._client.server_is_ready())
        graph.spin_until(lambda: self.planner._tools.eyes.newest is not None)

    def send(self, *goals, max_steps=(), images=None, name='test', **fields):
        """Send a goal; returns its handle."""
        goal = ReachGoal.Goal(name=name, max_steps=list(max_steps), **fields)
        goal.images = (
            images
            if images is not None
            else [encode_image(picture_of(position)) for position in goals]
        )
        sending = self.reach.send_goal_async(
            goal, feedback_callback=lambda m: self.feedback.append(m.feedback)
        )
        return self.graph.result_of(sending)

    def result(self, handle, timeout_s=20.0):
        answer = self.graph.result_of(handle.get_result_async(), timeout_s)
        return answer.result, answer.status

    def go(self, *goals, **kwargs):
        return self.result(self.send(*goals, **kwargs))

    def call(self, kind, name, request):
        client = self.user.create_client(kind, name)
        self.graph.spin_until(client.service_is_ready)
        return self.graph.result_of(client.call_async(request))

    def listen(self, kind, topic, profile=10):
        messages = []
        self.user.create_subscription(kind, topic, messages.append, profile)
        self.graph.spin_until(lambda: self.user.count_publishers(topic))
        return messages

    def close(self):
        self.reach.destroy()
        self.cell.close()
        for node in (self.planner, self.encoder):
            if node.active:
                node.trigger_deactivate()
            self.graph.spin_until(lambda node=node: not node.busy)
            if node.state != 'finalized':
                node.trigger_shutdown()

    def distance(self, goal=GOAL):
        """How far the arm is from a position [m]."""
        return float(np.linalg.norm(self.cell.position - goal))
