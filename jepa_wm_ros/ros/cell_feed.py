"""Fills a display's view of the cell from the topics of a running graph."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import Plan, SafetyStatus
from rcl_interfaces.srv import GetParameters
from sensor_msgs.msg import Image, JointState

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.limits import Workspace
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp
from jepa_wm_ros.ros.sampling import Gate
from jepa_wm_ros.viz.cell_view import Boxes, CellView, Safety
from jepa_wm_ros.viz.plan_view import read_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rclpy.node import Node
    from rclpy.task import Future

ACTION_PUBLISHER = 'action_publisher'
_CORNERS = ('workspace_lower', 'workspace_upper', 'supervised_lower', 'supervised_upper')
_KEEP_OUT = ('keep_out',)
_ASK_TICKS = 10


class CellFeed:
    """Listens to plans, joints, supervisor and goals, and asks for the boxes.

    Args:
        node: Listens; its executor runs everything here.
        view: Is filled in.
        on_error: Is told of messages that cannot be shown.

    Attributes:
        view: As given.
        changes: Counts what has changed besides the joints.
    """

    def __init__(
        self, node: Node, view: CellView, on_error: Callable[[JepaWmError], None]
    ) -> None:
        self.view = view
        self._on_error = on_error
        self.changes = 0
        self._ticks = 0
        self._joints = Gate()
        self._asked: list[Future] = []
        self._known: dict[str, list[float]] = {}

        def subscribe(
            kind: Any, topic: str, take: Callable[[Any], None], *a: Any, **k: Any
        ) -> None:
            node.create_subscription(kind, topic, self._guarded(take), *a, **k)

        subscribe(Plan, 'plan', self._on_plan, qos.latest())
        subscribe(SafetyStatus, 'safety_status', self._on_safety, qos.latched())
        subscribe(Image, 'goal_image', self._on_goal_image, qos.latched())
        subscribe(PoseStamped, 'goal_pose', self._on_goal_pose, qos.latched())
        subscribe(
            JointState,
            'joint_states',
            self._on_joints,
            qos.sensor(),
            callback_group=self._joints,
        )
        self._parameters = node.create_client(GetParameters, f'{ACTION_PUBLISHER}/get_parameters')

    def tick(self) -> None:
        """Look at the joints once; now and then, ask the action publisher for its boxes."""
        self._joints.open()
        if self._ticks % _ASK_TICKS == 0:
            self._ask()
        self._ticks += 1

    def _guarded(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback that tells of messages that make no sense, and goes on."""

        def guarded(message: Any) -> None:
            try:
                take(message)
            except JepaWmError as error:
                self._on_error(error)

        return guarded

    def _ask(self) -> None:
        """Ask for all boxes: a node that lacks one parameter answers none of a request."""
        for future in self._asked:
            if not future.done():
                self._parameters.remove_pending_request(future)  # an answer got lost
        self._asked = []
        if self._parameters.service_is_ready():
            for names in (_CORNERS, _KEEP_OUT):
                future = self._parameters.call_async(GetParameters.Request(names=list(names)))
                future.add_done_callback(self._guarded(partial(self._on_answer, names)))
                self._asked.append(future)

    def _on_answer(self, names: Sequence[str], answer: Future) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        values = [list(value.double_array_value) for value in answer.result().values]
        if len(values) == len(names):
            self._known |= dict(zip(names, values, strict=True))
            boxes = read_boxes(self._known)
            if boxes_differ(boxes, self.view.boxes):
                self.view.boxes = boxes
                self.changes += 1

    def _on_plan(self, message: Plan) -> None:
        self.view.take_plan(read_plan(message))
        self.changes += 1

    def _on_safety(self, message: SafetyStatus) -> None:
        safety = Safety(state=int(message.state), message=str(message.message))
        if safety != self.view.safety:
            self.view.safety = safety
            self.changes += 1

    def _on_goal_image(self, message: Image) -> None:
        """A captured goal has the time of its picture, so where the arm was then is the goal."""
        stamp_s = decode_stamp(message.header.stamp)
        self.view.goal = self.view.trail.pose_at(stamp_s) if stamp_s else None
        self.changes += 1

    def _on_goal_pose(self, message: PoseStamped) -> None:
        self.view.goal = decode_pose(message.pose)
        self.changes += 1

    def _on_joints(self, message: JointState) -> None:
        stamp_s = decode_stamp(message.header.stamp)
        self.view.take_joints(stamp_s, message.name, message.position)


def read_boxes(known: Mapping[str, Sequence[float]]) -> Boxes:
    """Read the boxes from parameters of the action publisher.

    Args:
        known: Numbers by parameter name: corners of workspace and supervised box, and six numbers
            for each keep-out box; missing where unknown.

    Raises:
        LimitError: A corner is not three numbers, or a box is upside down.
    """
    corners = [np.array(known.get(name, ())) for name in _CORNERS]
    workspace, supervised = (
        Workspace(lower=low, upper=high) if low.size and high.size else None
        for low, high in (corners[:2], corners[2:])
    )
    flat = np.array(known.get('keep_out', ()))
    rows = flat[: len(flat) // 6 * 6].reshape(-1, 6)
    keep_out = tuple(Workspace(lower=row[:3], upper=row[3:]) for row in rows)
    return Boxes(workspace=workspace, supervised=supervised, keep_out=keep_out)


def boxes_differ(one: Boxes, other: Boxes) -> bool:
    """Whether two sets of boxes are not the same."""
    return _numbers(one) != _numbers(other)


def _numbers(boxes: Boxes) -> list[Any]:
    every = (boxes.workspace, boxes.supervised, *boxes.keep_out)
    return [b and (b.lower.tolist(), b.upper.tolist()) for b in every]
