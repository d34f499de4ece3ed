"""A preview: the whole way to a goal as the model imagines it; nothing moves."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from geometry_msgs.msg import PoseArray
from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import Plan as PlanMessage

from jepa_wm_ros.nodes.goal_run import GoalRun
from jepa_wm_ros.nodes.goals import GoalCode
from jepa_wm_ros.robot.trajectory import waypoints_of
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_pose, now_s
from jepa_wm_ros.ros.tensors import encode_latent

if TYPE_CHECKING:
    from typing import Any

    from jepa_wm_ros.nodes.observations import EncodedObservation
    from jepa_wm_ros.planning.imagination import Imagined
    from jepa_wm_ros.ros.lifecycle import ManagedNode

_LONGEST_S = 600.0


class PreviewPublisher:
    """Shows an imagined way: `preview_plan`, `preview_path`, `preview_latents`, all latched.

    Args:
        node: Makes the publishers.
        base_frame: Frame of poses and actions.
        step_duration_s: How long one action takes [s].
    """

    def __init__(self, node: ManagedNode, base_frame: str, step_duration_s: float) -> None:
        self._node = node
        self._base_frame = base_frame
        self._step_duration_s = step_duration_s
        make = node.create_lifecycle_publisher
        self._plan = make(PlanMessage, 'preview_plan', qos.latched())
        self._path = make(PoseArray, 'preview_path', qos.latched())
        self._latents = make(LatentMessage, 'preview_latents', qos.latched())

    def show(self, way: Imagined, observation: EncodedObservation, goal_id: str) -> None:
        """Publish a way that begins at an observation."""
        plan = self._plan_message(way, observation)
        plan.goal_id = goal_id
        path = PoseArray(header=plan.header)
        poses = [observation.pose]
        if len(way.actions):
            poses += waypoints_of(observation.pose, way.actions)
        path.poses = [encode_pose(pose) for pose in poses]
        latents = encode_latent(way.predicted)
        latents.header.stamp = observation.stamp
        latents.bundle = observation.bundle
        latents.ee_pose = plan.observation_pose
        latents.gripper = observation.gripper
        self._plan.publish(plan)
        self._path.publish(path)
        self._latents.publish(latents)

    def _plan_message(self, way: Imagined, observation: EncodedObservation) -> PlanMessage:
        message = PlanMessage()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = self._base_frame
        message.observation_stamp = observation.stamp
        message.observation_pose = encode_pose(observation.pose)
        message.step_duration_s = self._step_duration_s
        message.horizon, message.action_dim = way.actions.shape
        message.actions = array('d', way.actions.ravel())
        message.cost_now = way.cost_now
        message.cost = way.costs[-1] if way.costs else way.cost_now
        return message


class PreviewRun(GoalRun):
    """Plans to all goal pictures in the imagination of the model, publishes it, and ends.

    Args:
        publisher: Shows the way.
        args: Of `GoalRun`.
    """

    def __init__(self, publisher: PreviewPublisher, *args: Any) -> None:
        super().__init__(*args)
        self._publisher = publisher

    async def _pursue(self) -> tuple[GoalCode, str]:
        from jepa_wm_ros.planning.imagination import Wish

        tools = self._tools
        asked_s = now_s(tools.node)
        session = self._session = await self._begin()
        tools.show_goal(session.current)
        observation = await self._look(asked_s)
        wishes = [
            Wish(latent=goal.latent, max_steps=goal.max_steps, reached_cost=goal.reached_cost)
            for goal in session.sub_goals
        ]
        way = await self._thought(tools.mind.imagine(observation.latent, wishes), _LONGEST_S)
        self._publisher.show(way, observation, self.request.goal_id)
        session.cost = way.cost_now
        session.best_cost = min([way.cost_now, *way.costs])
        return GoalCode.PREVIEWED, _summary(way)


def _summary(way: Imagined) -> str:
    """Say where the model expects to arrive."""
    end = way.costs[-1] if way.costs else way.cost_now
    there = sum(way.reached)
    return (
        f'nothing moved: the model expects {len(way.actions)} steps, a latent distance from '
        f'{way.cost_now:.4g} to {end:.4g}, and {there} of {len(way.reached)} goal picture(s) '
        'reached; see preview_path'
    )
