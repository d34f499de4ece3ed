"""Goals that are captured and kept, and the services for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from jepa_wm_ros.data.goals.goal import GoalPicture, GoalSequence
from jepa_wm_ros.data.goals.sources import placement_of
from jepa_wm_ros.data.goals.store import GoalStore, goal_folder
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.goal_requests import Captured
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_stamp, encode_pose
from jepa_wm_ros.ros.images import decode_image, encode_image

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.goals import SubGoal
    from jepa_wm_ros.nodes.observations import EncodedObservation
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.ros.lifecycle import ManagedNode
    from jepa_wm_ros.worldmodel.contract import Contract


class GoalDesk:
    """Keeps goals, shows them on `goal_image` and `goal_pose`, and serves those who ask for them.

    The parameter `goal_name` says which goal is meant, because `std_srvs/Trigger`, which any
    panel can call, carries nothing.

    Args:
        node: Makes publishers and services; its config has `goal_store`, `goal_name` and
            `base_frame`.
        contract: Of the model that is running.

    Attributes:
        store: Goals by name.
        captured: The picture that was captured last; None before the first.
    """

    def __init__(self, node: ManagedNode, contract: Contract) -> None:
        self._node = node
        self._contract = contract
        self.store = GoalStore(goal_folder(node.config.goal_store))
        self.captured: Captured | None = None
        self._pictures = node.create_lifecycle_publisher(Image, 'goal_image', qos.latched())
        self._poses = node.create_lifecycle_publisher(PoseStamped, 'goal_pose', qos.latched())
        node.create_service(Trigger, 'list_goals', self._list)
        node.create_service(Trigger, 'show_goal', self._show_stored)
        node.create_service(Trigger, 'delete_goal', self._delete)

    def capture(self, picture: Image, seen: EncodedObservation) -> str:
        """Take a picture of the live camera as the goal; keep it if `goal_name` says under what.

        Args:
            picture: The camera's newest message.
            seen: The newest observation.

        Returns:
            What happened, for people.

        Raises:
            JepaWmError: It cannot be kept.
        """
        name = self._node.config.goal_name
        same = decode_stamp(picture.header.stamp) == seen.stamp_s
        pose = seen.pose if same else None
        if name:
            folder = self.store.save(name, self._about(picture, seen, same), decode_image(picture))
        self.captured = Captured(message=picture, pose=pose)
        self._publish(picture, pose)
        if not name:
            return 'captured; send a goal without pictures to go there'
        return f'captured and kept as {name!r} in {folder}'

    def show(self, goal: SubGoal) -> None:
        """Show the goal picture under way, and where the arm was in it if that is known."""
        if isinstance(goal.picture, Image):
            self._publish(goal.picture, goal.pose)

    def _about(self, picture: Image, seen: EncodedObservation, same: bool) -> GoalPicture:
        """What is known of a captured picture; `same`: the observation is of this picture."""
        joints = seen.joints if same else None
        return GoalPicture(
            width=picture.width,
            height=picture.height,
            origin='camera',
            source=self._node.resolve_topic_name('image'),
            camera_frame=picture.header.frame_id,
            stamp_s=decode_stamp(picture.header.stamp),
            pose=placement_of(seen.pose) if same else None,
            joints=None if joints is None else tuple(joints.tolist()),
            gripper=float(seen.gripper) if same else None,
            model=self._contract.name,
            fingerprint=self._contract.fingerprint,
        )

    def _publish(self, picture: Image, pose: Pose | None) -> None:
        self._pictures.publish(picture)
        if pose is not None:
            message = PoseStamped(pose=encode_pose(pose))
            message.header.stamp = picture.header.stamp
            message.header.frame_id = self._node.config.base_frame
            self._poses.publish(message)

    # -- services ------------------------------------------------------------------------------

    def _list(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        names = self.store.names()
        response.success = True
        response.message = ' '.join(names) or f'no goals in {self.store.folder}'
        return response

    def _show_stored(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        leg = self.store.legs(self._wanted())[0]
        self._publish(encode_image(leg.picture), leg.about.flange)
        response.success, response.message = True, f'{leg.name}: {_described(leg.about)}'
        return response

    def _delete(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        name = self._wanted()
        self.store.delete(name)
        response.success, response.message = True, f'deleted {name!r}'
        return response

    def _wanted(self) -> str:
        name = str(self._node.config.goal_name)
        if not name:
            raise JepaWmError(
                'the parameter goal_name of the planner is empty: set it to the name of the goal'
            )
        self.store.about(name)  # says which goals there are, if there is none of that name
        return name


def _described(about: GoalPicture | GoalSequence) -> str:
    if isinstance(about, GoalSequence):
        return f'{len(about.steps)} goals'
    return f'{about.width}x{about.height} px from {about.source or about.origin}'
