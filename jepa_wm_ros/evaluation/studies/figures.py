"""Plots of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.palette import INK, MISS, MUTED, PLANNER, goal_colour
from jepa_wm_ros.evaluation.plots import new_figure, save_figure, style_axes
from jepa_wm_ros.evaluation.studies.page import label_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes


def plot_outcome(path: Path, content: dict[str, Any]) -> Path:
    """Draw success, final distance and the cost of a look, a line for each row of the study.

    Args:
        path: The PNG.
        content: What stands in study.json.
    """
    rows = content['rows']
    figure = new_figure(13.0, 1.6 + 0.3 * len(rows))
    success, distance, cost = figure.subplots(1, 3, width_ratios=(1.4, 1.0, 1.0), sharey=True)
    _bars(success, rows)
    _distances(distance, rows)
    for place, row in enumerate(rows):
        if row['look_cpu_s_p50'] is not None:
            cost.barh(place, 1000 * row['look_cpu_s_p50'], 0.7, color=MUTED)
    style_axes(cost, 'Cost of a look and plan', 'processor time, median [ms]', '')
    success.set_yticks(range(len(rows)), [label_of(row) for row in rows])
    success.set_ylim(len(rows) - 0.4, -0.6)
    title = f'{content["name"]}: {rows[0]["episodes"]} episodes each'
    if content['done'] < content['jobs']:
        title += f' ({content["done"]} of {content["jobs"]} jobs)'
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha='left', weight='bold')
    save_figure(figure, path)
    return path


def plot_training(path: Path, content: dict[str, Any]) -> Path:
    """Draw the validation error of each trained model over the steps that it looks ahead.

    Args:
        path: The PNG.
        content: What stands in study.json.
    """
    figure = new_figure(7.0, 4.4)
    axes = figure.subplots()
    for number, row in enumerate(content['rows']):
        errors = row['rollout_error_over_copy']
        if errors:
            ahead = range(1, len(errors) + 1)
            style = ('-', '--', ':')[number // 7 % 3]
            axes.plot(
                ahead, errors, style, marker='o', color=goal_colour(number), label=label_of(row)
            )
    axes.set_xticks(range(1, axes.get_xlim()[1].__ceil__()))
    axes.set_ylim(bottom=0)
    style_axes(axes, 'Error of the roll-out', 'steps ahead', 'squared error / that of copying')
    axes.legend(fontsize=8, frameon=False)
    save_figure(figure, path)
    return path


def _bars(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for threshold, colour, height in ((5, PLANNER, 0.7), (2, '#8cc1e3', 0.35)):
        for place, row in enumerate(rows):
            rate = 100 * row[f'success_{threshold}cm']
            label = f'≤ {threshold} cm' if place == 0 else None
            axes.barh(place, rate, height, color=colour, label=label)
            if threshold == 5:
                low, high = (100 * end for end in row['success_5cm_interval'])
                error = [[max(rate - low, 0)], [max(high - rate, 0)]]
                axes.errorbar(
                    rate, place, xerr=error, fmt='none', ecolor=INK, elinewidth=1.1, capsize=2.5
                )
    axes.set_xlim(0, 105)
    style_axes(axes, 'Success at the end', 'episodes [%], with 95 % interval', '')
    axes.legend(fontsize=8, frameon=False, loc='lower right', bbox_to_anchor=(1.0, 1.0), ncols=2)


def _distances(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        mean = 100 * row['final_distance_m_mean']
        low, high = (100 * end for end in row['final_distance_m_mean_interval'])
        axes.errorbar(
            mean,
            place,
            xerr=[[mean - low], [high - mean]],
            fmt='o',
            color=PLANNER,
            markersize=5,
            elinewidth=1.4,
            label='mean' if place == 0 else None,
        )
        median = 100 * row['final_distance_m_median']
        axes.plot(median, place, '|', color=MISS, markersize=9, markeredgewidth=2,
                  label='median' if place == 0 else None)  # fmt: skip
    axes.set_xlim(left=0)
    style_axes(axes, 'Final distance', 'distance [cm], with 95 % interval of the mean', '')
    axes.legend(fontsize=8, frameon=False, loc='lower right', bbox_to_anchor=(1.0, 1.0), ncols=2)
