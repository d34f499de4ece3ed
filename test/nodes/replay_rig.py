"""The nodes under sim time, a bag that is played to them, and an arm that obeys on paper."""

import time

import numpy as np
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from rclpy.action import ActionClient, ActionServer
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.models import ModelShelf
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.nodes.player import BagPlayer, PlaySettings
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import now_s
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker

HAND = {'gripper_joint': 'panda_finger_joint1', 'gripper': 'franka_hand', 'max_gap_s': 0.25}


class ReplayRig:
    """Encoder and planner with the shipped model, linked as in the process `policy`."""

    def __init__(self, graph, **planner):
        self.graph, shelf = graph, ModelShelf()
        self.observed, self.plans = [], []
        worker = Worker(graph.executor)
        self.encoder = self._made(EncoderNode, worker, shelf, **HAND)
        thinker = Worker(graph.executor, name='planner')
        self.planner = self._made(PlannerNode, thinker, shelf, linked=True, **planner)
        self.encoder.listeners += [self.planner.observe, self.observed.append]
        self.user = graph.node('user')
        self.reach = ActionClient(self.user, ReachGoal, 'reach_goal')
        self.shown = []
        self.user.create_subscription(Image, 'goal_image', self.shown.append, qos.latched())
        self.arm = None
        graph.spin_until(self.reach.server_is_ready)
        graph.spin_until(lambda: self.user.count_publishers('goal_image'))

    def obey(self):
        """Answer plans as if they had been executed."""
        node = self.graph.node('arm')
        self.arm = ActionServer(node, ExecuteActions, 'execute', self._execute)
        self.graph.spin_until(lambda: self.planner._tools.arm._client.server_is_ready())

    def send(self, picture, **goal):
        return self.reach.send_goal_async(ReachGoal.Goal(images=[encode_image(picture)], **goal))

    def play(self, path, every=lambda player: None, **settings):
        """Play a bag; `every` is called on the way, and may stop the player."""
        deadline = time.monotonic() + 90.0
        node = self.graph.node('bag_player')
        with open_bag(path) as bag:

            def spin(seconds):
                assert time.monotonic() < deadline, 'the bag was played for too long'
                self.graph.executor.spin_once(timeout_sec=seconds)
                every(player)

            player = BagPlayer(node, bag, PlaySettings(**settings), spin)
            heard = [p for p in node.publishers if p.topic in ('/image', '/joint_states')]
            self.graph.spin_until(lambda: all(p.get_subscription_count() for p in heard), 30.0)
            player.play()
        self.graph.executor.remove_node(node)
        node.destroy_node()

    def at(self, bag_s):
        """Whether the planner has a time of the bag [s], or the moment just before it."""
        return abs(now_s(self.planner) - bag_s) < 0.08

    def close(self):
        self.reach.destroy()
        if self.arm is not None:
            self.arm.destroy()
        for node in (self.planner, self.encoder):
            node.trigger_deactivate()
            self.graph.spin_until(lambda node=node: not node.busy)
            node.trigger_shutdown()

    def _made(self, kind, *args, linked=None, **parameters):
        overrides = {'use_sim_time': True, **parameters}
        node = self.graph.add(
            kind(
                *args,
                **({} if linked is None else {'linked': linked}),
                context=self.graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in overrides.items()],
            )
        )
        assert autostart(node)
        return node

    def _execute(self, handle):
        plan = handle.request.plan
        self.plans.append(np.array(plan.actions).reshape(plan.horizon, plan.action_dim))
        handle.succeed()
        result = ExecuteActions.Result(code=ExecuteActions.Result.SUCCEEDED)
        result.executed_steps = plan.execute_steps
        result.completed = plan.observation_stamp
        return result
