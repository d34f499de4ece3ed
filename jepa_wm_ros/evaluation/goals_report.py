"""What a run through a handful of goals leaves: summary, plot, still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.palette import (
    GOAL,
    INK,
    LEVEL,
    MISS,
    MUTED,
    PLANNER,
    goal_colour,
)
from jepa_wm_ros.evaluation.plots import new_figure, save_figure, style_axes
from jepa_wm_ros.evaluation.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.trace import Trace

WORKED = ('REACHED', 'MAX_STEPS')
"""Outcomes of a goal that the graph has pursued to its end."""


def goals_summary(
    traces: Sequence[Trace], *, seed: int, model: str, wanted: int
) -> dict[str, Any]:
    """Return `summary.json` of a demo: the figures of an evaluation, and a row for each goal.

    Args:
        traces: The goals that were begun.
        seed: Seed that drew them.
        model: Name and fingerprint of the model.
        wanted: Goals that were asked for.

    Returns:
        Plain data for JSON: distances in metres, times in seconds.
    """
    records = [record for trace in traces if (record := trace.record()) is not None]
    complete = len(records) == wanted and all(trace.outcome in WORKED for trace in traces)
    return summarise(records, seed=seed, model=model) | {
        'complete': complete,
        'episodes_wanted': wanted,
        'goals': [goal_row(trace) for trace in traces],
    }


def goal_row(trace: Trace) -> dict[str, Any]:
    """Return the figures of one goal; None where the graph never got so far."""
    times = sorted(plan.plan_time_s for plan in trace.plans)
    return {
        'goal': trace.index + 1,
        'start_distance_m': trace.start_distance_m,
        'final_distance_m': trace.final_distance_m,
        'steps': len(trace.plans),
        'final_cost': trace.final_cost,
        'plan_time_s_median': times[len(times) // 2] if times else None,
        'outcome': trace.outcome,
        'message': trace.message,
        'holds': list(trace.holds),
        'goal_position_m': [round(float(value), 4) for value in trace.goal],
    }


def plot_goals(path: Path, traces: Sequence[Trace], title: str) -> None:
    """Draw true distance, latent distance and plan times of all goals into one PNG."""
    figure = new_figure(13.0, 4.4)
    distance, cost, times = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 0.8))
    for trace in traces:
        record = trace.record()
        if record is None:
            continue
        colour, label = goal_colour(trace.index), f'goal {trace.index + 1}'
        centimetres = [100 * value for value in record.distances_m]
        _curve(distance, range(len(centimetres)), centimetres, colour, label)
        costs = [plan.cost for plan in trace.plans]
        costs += [] if trace.final_cost is None else [trace.final_cost]
        _curve(cost, range(len(costs)), costs, colour, label)
        milliseconds = [1000 * plan.plan_time_s for plan in trace.plans]
        times.plot(
            [trace.index + 1] * len(milliseconds),
            milliseconds,
            'o',
            color=colour,
            alpha=0.55,
            markersize=5,
            markeredgewidth=0,
        )
    distance.axhline(5, color=LEVEL, linewidth=1.2, linestyle='--', label='5 cm')
    style_axes(distance, 'True distance from the goal', 'step', 'distance [cm]')
    style_axes(cost, 'Latent distance (what the planner sees)', 'step', 'latent distance')
    style_axes(times, 'Time for one plan', 'goal', 'time [ms]')
    for axes in (distance, cost, times):
        axes.set_ylim(bottom=0)
    times.set_xticks([trace.index + 1 for trace in traces])
    distance.legend(fontsize=9, frameon=False, loc='upper right')
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha='left', weight='bold')
    save_figure(figure, path)


def still_goals(path: Path, traces: Sequence[Trace]) -> bool:
    """Draw first, last and goal picture of every goal side by side into a PNG.

    Where it is known, what the model expected of its first plan stands below the first picture.

    Returns:
        False when no goal has pictures; then no file is made.
    """
    shown = [trace for trace in traces if trace.frames]
    if not shown:
        return False
    columns = max(len(shown), 2)
    rows = 4 if any(trace.expected for trace in shown) else 3
    figure = new_figure(3.2 * columns, 2.0 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for column, trace in enumerate(shown):
        tiles = _tiles(trace, expected=rows == 4)
        for axes, (picture, caption, colour) in zip(grid[:, column], tiles, strict=True):
            if picture is not None:
                _show(axes, picture, caption, colour)
    save_figure(figure, path)
    return True


def _tiles(trace: Trace, *, expected: bool) -> list[tuple[NDArray[np.uint8] | None, str, str]]:
    """Return pictures of one goal with captions and their colours, from above."""
    start, final = (trace.start_distance_m or 0.0), (trace.final_distance_m or 0.0)
    colour = GOAL if final <= 0.05 else MISS
    tiles: list[tuple[NDArray[np.uint8] | None, str, str]] = [
        (trace.frames[0].picture(), f'start, {100 * start:.0f} cm away', MUTED),
        (trace.frames[-1].picture(), f'end, {100 * final:.1f} cm away', colour),
        (trace.picture, f'goal {trace.index + 1}', INK),
    ]
    if expected:
        first = trace.expected[0] if trace.expected else None
        tiles.insert(1, (first, 'expected of the first plan', PLANNER))
    return tiles


def _show(axes: Axes, picture: NDArray[np.uint8], caption: str, colour: str) -> None:
    axes.imshow(picture, interpolation='bicubic')
    axes.set_title(caption, fontsize=12, color=colour, weight='bold', pad=4)


def _curve(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, label: str) -> None:
    axes.plot(x, y, '-o', color=colour, linewidth=2.0, markersize=4, label=label)
