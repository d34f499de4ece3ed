"""Plots of an evaluation on bags, as PNG files in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.bags.measures import AXES
from jepa_wm_ros.evaluation.palette import GRID, INK, LEVEL, MISS, PLANNER, goal_colour
from jepa_wm_ros.evaluation.plots import new_figure, style_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jepa_wm_ros.evaluation.bags.result import Example, UnitResult

_DPI = 90
_SHORT_S = 0.002
"""Lengths of steps are drawn with bins of at least this width [s]."""


def report_figures(
    results: Sequence[UnitResult], summaries: Sequence[dict[str, Any]]
) -> dict[str, bytes]:
    """Draw everything that the report shows.

    Returns:
        PNG files: `errors.png`, `curves.png`, `time-<unit>.png` and `window-<unit>-<number>.png`;
        none where nothing could be evaluated.
    """
    good = [row for row in summaries if not row.get('trouble')]
    if not good:
        return {}
    own = [row for row in good if not row['control']]
    figures = {'errors.png': errors_figure(good), 'curves.png': curves_figure(own or good)}
    for unit, result in enumerate(results):
        if not result.shown:
            continue
        figures[f'time-{unit}.png'] = time_figure(result)
        for number, example in enumerate(result.examples):
            figures[f'window-{unit}-{number}.png'] = landscape_figure(example)
    return figures


def errors_figure(summaries: Sequence[dict[str, Any]]) -> bytes:
    """Draw the error of each axis, side by side for every recording and model."""
    figure = new_figure(11.0, 3.6)
    position, axes = figure.subplots(1, 2, width_ratios=(1.0, 1.3))
    names = ('position_error_m', 'noop_position_error_m', 'shuffled_position_error_m')
    labels = ('planned', 'standing still', 'of another window')
    _grouped(position, summaries, names, labels)
    style_axes(position, 'Action Error of the position (95 % interval)', '', 'sum of axes [cm]')
    _grouped(axes, summaries, [f'axis_{name}_m' for name in AXES], AXES)
    axes.axhline(1.0, color=LEVEL, linewidth=1.2, linestyle='--')
    style_axes(axes, 'Mean error of each axis', '', 'error [cm]')
    return _png(figure)


def curves_figure(summaries: Sequence[dict[str, Any]]) -> bytes:
    """Draw rollout errors and goal distances against the steps of the horizon."""
    figure = new_figure(11.0, 3.4)
    rollout, distance = figure.subplots(1, 2)
    for number, row in enumerate(summaries):
        colour, label = goal_colour(number), _label(row)
        steps = np.arange(1, len(row['rollout_error']) + 1)
        rollout.plot(steps, row['rollout_error'], '-o', color=colour, label=label)
        rollout.plot(steps, row['copy_error'], '--', color=colour, linewidth=1.2)
        distances = row['goal_distances']
        distance.plot(range(len(distances)), distances, '-o', color=colour, label=label)
    style_axes(rollout, 'Open-loop rollout (dashed: copy of the last frame)', 'step', 'squared')
    style_axes(distance, 'Distance from the goal along what was done', 'step', 'latent distance')
    for axes in (rollout, distance):
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize=8, frameon=False)
    return _png(figure)


def time_figure(result: UnitResult) -> bytes:
    """Draw position errors, surprise and real step durations of one recording over time."""
    from jepa_wm_ros.evaluation.bags.measures import window_measures

    figure = new_figure(11.0, 3.2)
    error, surprise, steps = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 0.8))
    at_s = [record.offset_s for record in result.windows]
    error.plot(at_s, 100 * window_measures(result.windows)['position_error_m'], color=PLANNER)
    style_axes(error, 'Action Error of the position', 'bag time [s]', 'error [cm]')
    times, scores = ([row[k] for row in result.surprise] for k in (0, 2))
    surprise.plot(times, scores, color=PLANNER, linewidth=1.0)
    flagged = [row for row in result.surprise if row[3]]
    surprise.plot([row[0] for row in flagged], [row[2] for row in flagged], 'o', color=MISS)
    style_axes(surprise, 'Surprise (dots: flagged)', 'bag time [s]', 'deviations')
    edges = _bins([*result.step_s, result.wanted_step_s])
    steps.hist(1000 * np.array(result.step_s), bins=list(1000 * edges), color=PLANNER)
    steps.axvline(1000 * result.wanted_step_s, color=MISS, linestyle='--')
    style_axes(steps, 'Real length of steps', 'ms (dashed: contract)', 'steps')
    return _png(figure)


def _bins(lengths: Sequence[float]) -> np.ndarray:
    """Edges [s] around all lengths, none on equal ones."""
    least, most = min(lengths) - _SHORT_S, max(lengths) + _SHORT_S
    odd = int(np.clip((most - least) / _SHORT_S, 5, 40)) | 1
    return np.linspace(least, most, odd + 1)


def landscape_figure(example: Example) -> bytes:
    """Draw slices and projections of the energy around one window."""
    figure = new_figure(11.0, 3.1)
    axes = iter(figure.subplots(1, 4))
    land, record = example.landscape, example.record
    totals = (np.sum(record.executed, 0), np.sum(record.planned, 0))
    for plane, fields in (('xy', (0, 1)), ('xz', (0, 2))):
        title = f'd{plane[0]}, d{plane[1]}'
        sides = land.axes[plane]
        _energy(next(axes), sides, land.slices[plane], totals, plane, f'{title}: slice')
        sides = land.axes_grid[list(fields)]
        _energy(next(axes), sides, land.projections[plane], totals, plane, f'{title}: minimum')
    return _png(figure)


def _energy(
    axes: Axes,
    sides: np.ndarray,
    costs: np.ndarray,
    totals: tuple[np.ndarray, np.ndarray],
    plane: str,
    title: str,
) -> None:
    fields = ['xyz'.index(name) for name in plane]
    axes.contourf(100 * sides[0], 100 * sides[1], costs.T, 16, cmap='viridis')
    done, planned = (100 * total[fields] for total in totals)
    axes.plot(*done, 'o', color='white', markeredgecolor=INK, label='executed')
    axes.plot(*planned, '^', color=MISS, markeredgecolor=INK, label='planned')
    axes.plot(0, 0, 's', color=GRID, markeredgecolor=INK, label='no-op')
    style_axes(axes, title, f'd{plane[0]} [cm]', f'd{plane[1]} [cm]')
    axes.legend(fontsize=6, loc='lower left')


def _grouped(
    axes: Axes,
    summaries: Sequence[dict[str, Any]],
    names: Sequence[str],
    labels: Sequence[str],
) -> None:
    width = 0.8 / max(1, len(summaries))
    for number, row in enumerate(summaries):
        at = np.arange(len(names)) + (number - (len(summaries) - 1) / 2) * width
        means = 100 * np.array([row[name] for name in names])
        ends = 100 * np.array([row[f'{name}_interval'] for name in names])
        spans = np.abs(ends.T - means)
        axes.bar(at, means, 0.92 * width, color=goal_colour(number), label=_label(row))
        axes.errorbar(at, means, spans, fmt='none', ecolor=INK, elinewidth=1.0, capsize=2.0)
    axes.set_xticks(range(len(names)), labels)
    # room for the legend above the bars
    axes.set_ylim(0, axes.get_ylim()[1] * (1.1 + 0.09 * len(summaries)))
    axes.legend(fontsize=8, frameon=False, loc='upper left')


def _label(row: dict[str, Any]) -> str:
    name, _, rest = row['model'].partition('@')
    planner = rest.partition(',')[2]
    return f'{row["bag"]}, {name}{"," if planner else ""}{planner}'


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=_DPI)
    return stream.getvalue()
