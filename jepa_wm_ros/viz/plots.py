"""Plots as pictures: the latent distance over time, and the energy landscape."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

import cv2
import numpy as np

from jepa_wm_ros.evaluation.canvas import Chart, draw_text, ticks
from jepa_wm_ros.evaluation.palette import COST, GOAL, INK, MUTED, PLANNER, rgb
from jepa_wm_ros.viz.colours import shades

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.viz.plan_view import PlanView

    Picture = NDArray[np.uint8]

COST_SIZE = (240, 420)
"""Height and width of the cost plot [px]."""
LANDSCAPE_SIZE = (280, 320)
"""Height and width of the landscape [px]."""
_MOST_PLANS = 200


@dataclass(slots=True)
class CostSeries:
    """What the plans of one goal expected and found, one entry for each.

    Attributes:
        goal_id: The goal.
        times_s: When planning ended, since the first plan [s].
        now: Latent distance of the goal.
        planned: Cost of the plan.
        noop: Cost of doing nothing.
    """

    goal_id: str = ''
    times_s: list[float] = field(default_factory=list)
    now: list[float] = field(default_factory=list)
    planned: list[float] = field(default_factory=list)
    noop: list[float] = field(default_factory=list)
    _start_s: float = 0.0

    def add(self, plan: PlanView) -> None:
        """Take in a plan; that of another goal, or of an earlier clock, begins a new series."""
        elapsed_s = plan.stamp_s - self._start_s
        if plan.goal_id != self.goal_id or not self.times_s or elapsed_s < self.times_s[-1]:
            self._begin(plan)
            elapsed_s = 0.0
        self.times_s.append(elapsed_s)
        self.now.append(plan.cost_now)
        self.planned.append(plan.cost)
        self.noop.append(plan.cost_noop)
        for series in (self.times_s, self.now, self.planned, self.noop):
            del series[:-_MOST_PLANS]

    def _begin(self, plan: PlanView) -> None:
        self.goal_id, self._start_s = plan.goal_id, plan.stamp_s
        for series in (self.times_s, self.now, self.planned, self.noop):
            series.clear()


def cost_plot(series: CostSeries) -> Picture:
    """Draw the latent distance over time, and what plan and doing nothing were judged to cost.

    Distance and cost have scales of their own: a cost sums over the horizon.
    """
    height, width = COST_SIZE
    picture = np.full((height, width, 3), 255, np.uint8)
    end_s = max(series.times_s[-1] if series.times_s else 0.0, 1.0)
    half = (height - 70) // 2
    rows = (
        ('distance now', 30, ((series.now, PLANNER),)),
        (
            'cost of plan, of doing nothing',
            55 + half,
            ((series.noop, MUTED), (series.planned, COST)),
        ),
    )
    for title, top, curves in rows:
        chart = _chart(top, half - 18, width, end_s, [values for values, _ in curves])
        _axes(picture, chart, title)
        for values, colour in curves:
            known = [(t, v) for t, v in zip(series.times_s, values, strict=True) if isfinite(v)]
            chart.draw_curve(picture, [t for t, _ in known], [v for _, v in known], colour)
    draw_text(picture, 's', (width - 8, height - 4), size=11, colour=MUTED, anchor='rs')
    return picture


def _chart(top: int, height: int, width: int, end_s: float, curves: list[list[float]]) -> Chart:
    finite = [v for values in curves for v in values if isfinite(v)]
    most = max(finite, default=1.0)
    return Chart(
        left=52,
        top=top,
        width=width - 68,
        height=height,
        x_end=end_s,
        y_end=1.1 * most if most > 0 else 1.0,
    )


def _axes(picture: Picture, chart: Chart, title: str) -> None:
    """Draw small axes: the chart's own are made for videos."""
    bottom, right = chart.top + chart.height, chart.left + chart.width
    draw_text(picture, title, (8, chart.top - 8), size=12, bold=True)
    cv2.rectangle(picture, (chart.left, chart.top), (right, bottom), (228, 231, 235), 1)
    for value in ticks(chart.y_end, most=3):
        y = int(chart.points([0], [value])[0, 1])
        draw_text(picture, f'{value:g}', (chart.left - 5, y), size=11, colour=MUTED, anchor='rm')
    for value in ticks(chart.x_end, most=6):
        x = int(chart.points([value], [0])[0, 0])
        draw_text(picture, f'{value:g}', (x, bottom + 4), size=11, colour=MUTED, anchor='ma')


def landscape_plot(
    costs: NDArray[np.float64], axes: NDArray[np.float64], planned: NDArray[np.float64]
) -> Picture:
    """Draw what constant translations in the x-y plane cost.

    The base frame as seen from above and behind the robot: x points up, y to the left.

    Args:
        costs: `(G, G)` of translations, x first.
        axes: `(2, G)` total translation along x and along y [m].
        planned: `(2,)` total translation of the plan [m].
    """
    height, width = LANDSCAPE_SIZE
    picture = np.full((height, width, 3), 255, np.uint8)
    left, top, side = 52, 26, 220
    least, most = float(np.nanmin(costs)), float(np.nanmax(costs))
    good = (most - costs) / (most - least) if most > least else np.ones_like(costs)
    tiles = (255 * shades(np.nan_to_num(good))).astype(np.uint8)[::-1, ::-1]
    picture[top : top + side, left : left + side] = cv2.resize(
        tiles, (side, side), interpolation=cv2.INTER_NEAREST
    )
    marks = {'plan': (planned, GOAL), 'least': (_least(costs, axes), INK)}
    for name, (place, colour) in marks.items():
        x, y = _pixel(place, axes, (left, top, side))
        cv2.drawMarker(picture, (x, y), rgb(colour), _MARKERS[name], 14, 2, cv2.LINE_AA)
    draw_text(picture, 'cost of constant translations', (8, 17), size=12, bold=True)
    reach = f'{axes[0, 0]:+.2f} … {axes[0, -1]:+.2f} m'
    draw_text(picture, f'x up, y left, {reach}', (left, top + side + 14), size=11, colour=MUTED)
    legend = f'x plan   + least {least:.3g}   most {most:.3g}'
    draw_text(picture, legend, (left, top + side + 29), size=11, colour=MUTED)
    return picture


_MARKERS = {'plan': cv2.MARKER_TILTED_CROSS, 'least': cv2.MARKER_CROSS}


def _least(costs: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    row, column = np.unravel_index(int(np.nanargmin(costs)), costs.shape)
    return np.array([axes[0, row], axes[1, column]])


def _pixel(
    place: NDArray[np.float64], axes: NDArray[np.float64], area: tuple[int, int, int]
) -> tuple[int, int]:
    """Return the pixel (x, y) of a translation `(2,)` [m]; x points up, y to the left."""
    left, top, side = area
    low, high = axes[:, 0], axes[:, -1]
    up, aside = np.clip((place - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    # tiles are centred on their translations
    tile = side / axes.shape[1]
    span = side - tile
    return round(left + side - tile / 2 - aside * span), round(top + side - tile / 2 - up * span)
