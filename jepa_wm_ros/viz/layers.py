"""The layers of the scene: plan and candidates, boxes, goal, and what there is to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.evaluation.palette import GOAL, PLANNER
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.viz.colours import STATE_COLOURS, cost_colours, opaque
from jepa_wm_ros.viz.shapes import Shape, box_between, box_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.limits import Workspace
    from jepa_wm_ros.viz.plan_view import PlanView

PLAN_LAYERS = ('plan', 'elites', 'candidates')
SCENE_LAYERS = ('workspace', 'supervised', 'keep_out', 'goal', 'status')
_LEAST_OPACITY = 0.15


def plan_layers(plan: PlanView) -> list[Shape]:
    """Return the planned path, the elites behind it, and the candidates coloured by cost."""
    blue = opaque(PLANNER)
    path = Shape(
        layer='plan', number=0, kind='line', points=plan.positions, colours=blue, size=0.008
    )
    done = np.arange(len(plan.poses)) <= plan.execute_steps
    dots = np.where(done[:, None], blue, opaque(PLANNER, 0.4))
    ways = Shape(
        layer='plan', number=1, kind='points', points=plan.positions, colours=dots, size=0.018
    )
    return [path, ways, *_elites(plan), *_candidates(plan)]


def _elites(plan: PlanView) -> list[Shape]:
    """Return a line for each elite; the worse its rank, the fainter it is."""
    faint = np.linspace(0.9, _LEAST_OPACITY, max(len(plan.costs), 2))
    return [
        Shape(
            layer='elites',
            number=rank,
            kind='line',
            points=points,
            colours=opaque(PLANNER, float(faint[rank])),
            size=0.003,
        )
        for rank, points in enumerate(plan.candidates)
    ]


def _candidates(plan: PlanView) -> list[Shape]:
    """Return the fan of candidates: where each one ends, and the way there, in its cost's colour.

    All are one shape, so that a display draws hundreds as cheaply as four.
    """
    count, length = plan.candidates.shape[:2]
    if not count:
        return []
    colours = cost_colours(plan.costs)
    ways = np.stack([plan.candidates[:, :-1], plan.candidates[:, 1:]], axis=2).reshape(-1, 3)
    each = np.repeat(colours, 2 * (length - 1), axis=0)
    ends = plan.candidates[:, -1]
    return [
        Shape(
            layer='candidates', number=0, kind='segments', points=ways, colours=each, size=0.002
        ),
        Shape(
            layer='candidates', number=1, kind='points', points=ends, colours=colours, size=0.012
        ),
    ]


def box_layers(
    state: str,
    workspace: Workspace | None,
    supervised: Workspace | None,
    keep_out: tuple[Workspace, ...] = (),
) -> list[Shape]:
    """Return the boxes, in the colour of the supervisor's state.

    Args:
        state: Of the supervisor, a key of `STATE_COLOURS`.
        workspace: Into which way-points are moved; None when unknown.
        supervised: Outside of which a commanded flange is a fault; None when unknown.
        keep_out: Where it must not be.
    """
    colour = STATE_COLOURS[state]
    shapes = []
    if workspace is not None and _bounded(workspace):
        corners = workspace.lower, workspace.upper
        shapes.append(box_between('workspace', 0, *corners, opaque(colour, 0.08)))
        shapes.append(box_edges('workspace', 1, *corners, opaque(colour, 0.9)))
    if supervised is not None and _bounded(supervised):
        shapes.append(
            box_edges('supervised', 0, supervised.lower, supervised.upper, opaque(colour, 0.5))
        )
    fault = opaque(STATE_COLOURS['FAULT'], 0.35)
    solid = [box for box in keep_out if _bounded(box)]
    for number, box in enumerate(solid):
        shapes.append(box_between('keep_out', number, box.lower, box.upper, fault))
    return shapes


def goal_layer(pose: Pose) -> list[Shape]:
    """Return the flange's pose in the goal picture."""
    ball = Shape(
        layer='goal',
        number=1,
        kind='points',
        points=pose.position[None],
        colours=opaque(GOAL),
        size=0.03,
    )
    return [Shape(layer='goal', number=0, kind='axes', pose=pose, size=0.1), ball]


def status_layer(text: str, state: str, at: NDArray[np.float64]) -> list[Shape]:
    """Return what there is to say, at a place `(3,)` [m]."""
    colour = opaque(STATE_COLOURS[state])
    pose = Pose(at)
    return [
        Shape(
            layer='status', number=0, kind='text', pose=pose, colours=colour, size=0.035, text=text
        )
    ]


def _bounded(box: Workspace) -> bool:
    """Whether a box has an end on all sides: half of space cannot be drawn."""
    return bool(np.isfinite(box.lower).all() and np.isfinite(box.upper).all())
