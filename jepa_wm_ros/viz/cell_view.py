"""Everything that a display knows about the cell at one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.robot.description import ARM_JOINTS, FLANGE_FRAME
from jepa_wm_ros.viz.colours import state_name
from jepa_wm_ros.viz.layers import box_layers, goal_layer, plan_layers, status_layer
from jepa_wm_ros.viz.plots import CostSeries
from jepa_wm_ros.viz.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.robot.limits import Workspace
    from jepa_wm_ros.robot.link_tree import LinkTree
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.viz.plan_view import PlanView
    from jepa_wm_ros.viz.shapes import Shape

_TEXT_PLACE = np.array([0.45, 0.0, 0.95])
_ABOVE_M = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """The boxes of the safety supervisor; None or empty where unknown.

    Attributes:
        workspace: Into which way-points of the flange are moved.
        supervised: Outside of which a commanded flange is a fault.
        keep_out: Where it must not be.
    """

    workspace: Workspace | None = None
    supervised: Workspace | None = None
    keep_out: tuple[Workspace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What the safety supervisor says.

    Attributes:
        state: Number of its state; None before it has spoken.
        message: Why, for people.
    """

    state: int | None = None
    message: str = ''

    @property
    def name(self) -> str:
        """DISARMED, ARMED, EXECUTING, FAULT or UNKNOWN."""
        return state_name(self.state)


@dataclass(slots=True, kw_only=True)
class CellView:
    """The newest of everything; whoever listens to the graph fills it in.

    Attributes:
        tree: Links of the robot.
        base_frame: Link in which poses are given.
        joint_names: Arm joints in joint states, base to flange; they are those of the tree, in
            order, whatever a driver calls them.
        plan: The newest plan; None before the first.
        safety: What the supervisor says.
        boxes: Its boxes.
        goal: Flange in the goal picture, base frame; None where nobody knows it.
        joints: Newest positions by joint name of the tree [rad or m].
        trail: Where the flange has been.
        costs: What the plans of the goal under way found.
    """

    tree: LinkTree
    base_frame: str
    joint_names: Sequence[str] = ARM_JOINTS
    plan: PlanView | None = None
    safety: Safety = field(default_factory=Safety)
    boxes: Boxes = field(default_factory=Boxes)
    goal: Pose | None = None
    joints: Mapping[str, float] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)
    costs: CostSeries = field(default_factory=CostSeries)

    def take_joints(self, stamp_s: float, names: Sequence[str], values: Sequence[float]) -> None:
        """Take in joint states; values that are no numbers are left out.

        Args:
            stamp_s: When they were measured [s].
            names: Of the joints.
            values: Their positions [rad or m]; must be as many.
        """
        ours = dict(zip(self.joint_names, ARM_JOINTS, strict=True))
        pairs = zip(names, values, strict=False)
        news = {
            ours.get(name, name): float(value) for name, value in pairs if math.isfinite(value)
        }
        self.joints = {**self.joints, **news}
        if news.keys() >= set(ARM_JOINTS):
            flange = self.link_poses().get(FLANGE_FRAME)
            if flange is not None:
                self.trail.add(stamp_s, flange)

    def take_plan(self, plan: PlanView) -> None:
        """Take in a plan."""
        self.plan = plan
        self.costs.add(plan)

    def link_poses(self) -> dict[str, Pose]:
        """Return the pose of every link in the base frame."""
        poses = self.tree.poses(self.joints)
        if self.base_frame not in poses or self.base_frame == self.tree.root:
            return poses
        base = poses[self.base_frame].inverse()
        return {link: base.compose(pose) for link, pose in poses.items()}

    def plan_shapes(self) -> list[Shape]:
        """Return plan, elites and candidates; nothing before the first plan."""
        return [] if self.plan is None else plan_layers(self.plan)

    def scene_shapes(self) -> list[Shape]:
        """Return boxes, goal and status text."""
        boxes = self.boxes
        shapes = box_layers(self.safety.name, boxes.workspace, boxes.supervised, boxes.keep_out)
        if self.goal is not None:
            shapes += goal_layer(self.goal)
        return shapes + status_layer(self.status(), self.safety.name, self._text_place())

    def status(self) -> str:
        """Say in two or three lines how things are."""
        lines = [self.safety.name]
        if self.safety.message:
            lines[0] += f': {self.safety.message}'
        plan = self.plan
        if plan is not None:
            lines.append(
                f'step {plan.step}: distance {plan.cost_now:.3g}, planned {plan.cost:.3g}, '
                f'{1000 * plan.plan_time_s:.0f} ms'
            )
            if plan.surprised:
                lines.append(f'surprised: {plan.surprise:.1f} deviations')
        return '\n'.join(lines)

    def _text_place(self) -> NDArray[np.float64]:
        """Return the place of the text: above the workspace."""
        box = self.boxes.supervised or self.boxes.workspace
        if box is None or not np.isfinite([box.lower, box.upper]).all():
            return _TEXT_PLACE
        middle = (box.lower + box.upper) / 2
        return np.array([middle[0], middle[1], box.upper[2] + _ABOVE_M])
