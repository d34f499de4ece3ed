"""Pictures of an evaluation (matplotlib, without a display)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.palette import (
    BASELINE_COLOURS,
    GRID,
    INK,
    LEVEL,
    MISS,
    MUTED,
    PLANNER,
)
from jepa_wm_ros.evaluation.records import ResultsError
from jepa_wm_ros.evaluation.summary import THRESHOLDS_CM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jepa_wm_ros.evaluation.records import EpisodeRecord


def plot_evaluation(
    path: Path,
    records: Sequence[EpisodeRecord],
    baselines: Mapping[str, Sequence[EpisodeRecord]],
    summary: Mapping[str, Any],
) -> None:
    """Draw distance curves, success rates and final distances into one PNG.

    Args:
        path: The PNG.
        records: The planner's episodes.
        baselines: Those of each baseline, by name.
        summary: What `compare` made of them.
    """
    figure = new_figure(13.0, 4.4)
    curves, bars, histogram = figure.subplots(1, 3, width_ratios=(1.35, 1.0, 1.0))
    _curves(curves, records, baselines)
    _bars(bars, summary)
    _histogram(histogram, records)
    title = f'{summary["model"]}: {summary["episodes"]} episodes, seed {summary["seed"]}'
    if not summary['complete']:
        title += f' (interrupted; {summary["episodes_wanted"]} were asked for)'
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha='left', weight='bold')
    save_figure(figure, path)


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of the house's look; sizes in inches at 150 dpi."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout='constrained', facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG.

    Raises:
        ResultsError: The file cannot be written, for example because the disk is full.
    """
    try:
        figure.savefig(path)
    except OSError as error:
        raise ResultsError(
            f'cannot write {path}: {error.strerror or error}; free some space or choose another '
            'folder with --out'
        ) from error


def style_axes(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give axes a title, labels with units and a quiet grid."""
    axes.set_title(title, fontsize=11, color=INK, loc='left')
    axes.set_xlabel(x_label, fontsize=10, color=INK)
    axes.set_ylabel(y_label, fontsize=10, color=INK)
    axes.tick_params(labelsize=9, colors=MUTED, length=0)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    for side in ('left', 'bottom'):
        axes.spines[side].set_color(GRID)


def _curves(
    axes: Axes,
    records: Sequence[EpisodeRecord],
    baselines: Mapping[str, Sequence[EpisodeRecord]],
) -> None:
    for record in records:
        axes.plot(_centimetres(record), color=PLANNER, alpha=0.12, linewidth=0.8)
    for name, played, colour in (
        *((name, played, BASELINE_COLOURS[name]) for name, played in baselines.items()),
        ('planner', records, PLANNER),
    ):
        if played:
            median = np.median(_table(played), axis=0)
            axes.plot(median, color=colour, linewidth=2.4, label=f'{name} (median)')
    axes.axhline(5, color=LEVEL, linewidth=1.2, linestyle='--', label='5 cm')
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    style_axes(axes, 'True distance from the goal', 'step', 'distance [cm]')
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9, frameon=False, loc='upper right')


def _bars(axes: Axes, summary: Mapping[str, Any]) -> None:
    rows = [('planner', summary, PLANNER)]
    rows += [
        (name, figures, BASELINE_COLOURS[name]) for name, figures in summary['baselines'].items()
    ]
    width = 0.8 / len(rows)
    for number, (name, figures, colour) in enumerate(rows):
        if not figures['episodes']:
            continue
        for position, threshold in enumerate(THRESHOLDS_CM):
            rate = 100 * figures[f'success_{threshold}cm']
            low, high = (100 * end for end in figures[f'success_{threshold}cm_interval'])
            x = position + (number - (len(rows) - 1) / 2) * width
            label = name if position == 0 else None
            axes.bar(x, rate, width * 0.92, color=colour, label=label)
            error = [[max(rate - low, 0.0)], [max(high - rate, 0.0)]]
            axes.errorbar(x, rate, error, fmt='none', ecolor=INK, elinewidth=1.1, capsize=2.5)
            axes.annotate(
                f'{rate:.0f}',
                (x, high),
                (0, 2),
                textcoords='offset points',
                ha='center',
                fontsize=9,
                color=INK,
            )
    axes.set_xticks(range(len(THRESHOLDS_CM)), [f'≤ {value} cm' for value in THRESHOLDS_CM])
    axes.set_ylim(0, 112)
    axes.set_yticks(range(0, 101, 20))
    style_axes(axes, 'Success at the last step (95 % interval)', '', 'episodes [%]')
    axes.legend(
        fontsize=9, frameon=False, loc='upper center', bbox_to_anchor=(0.5, -0.07), ncols=3
    )


def _histogram(axes: Axes, records: Sequence[EpisodeRecord]) -> None:
    final = np.array([100 * record.final_distance_m for record in records])
    edges = np.concatenate([np.arange(0, 10, 0.5), np.arange(10, 81, 5)])
    counts, _ = np.histogram(np.clip(final, 0, 79.9), edges)
    centres = np.arange(len(counts))
    colours = [PLANNER if edges[i + 1] <= 5 else MISS for i in range(len(counts))]
    axes.bar(centres, counts, 0.92, color=colours)
    marks = [value for value in (0, 1, 2, 3, 5, 10, 30, 80) if value in edges]
    axes.set_xticks([int(np.flatnonzero(edges == m)[0]) - 0.5 for m in marks], map(str, marks))
    style_axes(axes, 'Final distance', 'distance [cm], wider bins from 10 cm', 'episodes')
    if len(final):
        text = f'median {np.median(final):.2f} cm\nmean {final.mean():.2f} cm'
        axes.annotate(
            text,
            (0.97, 0.95),
            xycoords='axes fraction',
            ha='right',
            va='top',
            fontsize=10,
            color=INK,
        )


def _centimetres(record: EpisodeRecord) -> list[float]:
    return [100 * distance for distance in record.distances_m]


def _table(records: Sequence[EpisodeRecord]) -> np.ndarray:
    """Return distances `(E, T + 1)` [cm]; an episode that ended early keeps its last one."""
    rows = [_centimetres(record) for record in records]
    longest = max(len(row) for row in rows)
    return np.array([row + [row[-1]] * (longest - len(row)) for row in rows])
