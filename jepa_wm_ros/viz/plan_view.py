"""A plan as something to look at: where its actions lead the flange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.messages import decode_pose, decode_stamp
from jepa_wm_ros.robot.poses import Pose, apply_action


class PlanViewError(JepaWmError):
    """A plan message whose numbers do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanView:
    """A plan and the best candidates beside it, in the base frame.

    Attributes:
        poses: Flange before the plan and after each of its H actions, `H + 1` poses.
        candidates: `(K, H + 1, 3)` positions along the elites, the cheapest first [m].
        costs: `(K,)` of the elites, no unit.
        execute_steps: How many actions are executed before looking again.
        step_duration_s: How long one action takes [s].
        cost: Objective of the plan.
        cost_now: Latent distance of the goal when the plan was made.
        cost_noop: Objective of doing nothing.
        plan_time_s: Time that planning took [s].
        step: Number of the plan within its goal.
        goal_id: Identifies the goal.
        stamp_s: When planning ended [s].
        surprise: In usual deviations; NaN when unknown.
        surprised: Whether it is far above what is usual.
    """

    poses: tuple[Pose, ...]
    candidates: NDArray[np.float64]
    costs: NDArray[np.float64]
    execute_steps: int
    step_duration_s: float
    cost: float
    cost_now: float
    cost_noop: float
    plan_time_s: float
    step: int
    goal_id: str
    stamp_s: float
    surprise: float
    surprised: bool

    @property
    def positions(self) -> NDArray[np.float64]:
        """`(H + 1, 3)` positions of the flange along the plan [m]."""
        return np.stack([pose.position for pose in self.poses])


def read_plan(message: Any) -> PlanView:
    """Read a message with the fields of `jepa_wm_msgs/Plan`.

    Raises:
        PlanViewError: It has no actions, its sizes contradict each other, or a number that leads
            somewhere is not finite.
        PoseError: The observation's pose is none.
    """
    width = int(message.action_dim)
    actions = _table(message.actions, int(message.horizon), width, 'actions')
    count = len(message.elite_costs)
    elites = _table(message.elites, count * len(actions), width, 'elites')
    start = decode_pose(message.observation_pose)
    moves = elites.reshape(count, len(actions), width)[..., :3].cumsum(1)
    rest = np.zeros((count, 1, 3))
    return PlanView(
        poses=_poses(start, actions),
        candidates=start.position + np.concatenate([rest, moves], axis=1),
        costs=np.array(message.elite_costs, float),
        execute_steps=int(message.execute_steps),
        step_duration_s=float(message.step_duration_s),
        cost=float(message.cost),
        cost_now=float(message.cost_now),
        cost_noop=float(message.cost_noop),
        plan_time_s=float(message.plan_time_s),
        step=int(message.step),
        goal_id=str(message.goal_id),
        stamp_s=decode_stamp(message.header.stamp),
        surprise=float(message.surprise),
        surprised=bool(message.surprised),
    )


def _poses(start: Pose, actions: NDArray[np.float64]) -> tuple[Pose, ...]:
    poses = [start]
    for action in actions:
        poses.append(apply_action(poses[-1], action))
    return tuple(poses)


def _table(values: Any, rows: int, width: int, what: str) -> NDArray[np.float64]:
    """Return `(rows, width)` numbers of a message's flat list."""
    table = np.array(values, float)
    if width < 6 or len(table) != rows * width or (what == 'actions' and not rows):
        raise PlanViewError(
            f'plan: {what} has {len(table)} numbers for {rows} rows of {width}; expected rows of '
            'at least 6 (dx dy dz droll dpitch dyaw)'
        )
    if not np.isfinite(table).all():
        raise PlanViewError(f'plan: {what} are not all finite; nothing of it is drawn')
    return table.reshape(rows, width)
