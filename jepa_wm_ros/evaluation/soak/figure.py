"""The picture of a soak: memory, threads and handles, latencies and gaps over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.palette import INK, LEVEL, MISS, goal_colour
from jepa_wm_ros.evaluation.plots import new_figure, save_figure, style_axes
from jepa_wm_ros.evaluation.soak.summary import MOST_PERIODS, series_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

_MIB = 2**20
_PERIOD_MS = 10.0


def plot_soak(
    path: Path, notes: Mapping[str, Sequence[Mapping[str, Any]]], summary: Mapping[str, Any]
) -> None:
    """Draw the notes of a soak.

    Args:
        path: The PNG.
        notes: By kind.
        summary: What `soak_summary` made of them.

    Raises:
        ResultsError: The file cannot be written.
    """
    figure = new_figure(12.0, 9.0)
    axes = figure.subplots(3, 2, sharex=True)
    _lines(axes[0, 0], notes, summary, 'rss_bytes', _MIB, 'Resident memory', 'MiB')
    _lines(axes[0, 1], notes, summary, 'private_bytes', _MIB, 'Memory of its own', 'MiB')
    _lines(axes[1, 0], notes, summary, 'threads', 1, 'Threads', 'count')
    _lines(axes[1, 1], notes, summary, 'handles', 1, 'Open handles', 'count')
    _latencies(axes[2, 0], notes)
    _gaps(axes[2, 1], notes)
    for ax in axes.ravel():
        for event in notes.get('event', []):
            if event['what'] in ('kill', 'life cycle'):
                colour = MISS if event['what'] == 'kill' else LEVEL
                ax.axvline(event['t_s'] / 60.0, color=colour, linewidth=0.6, alpha=0.35)
    for ax in axes[2]:
        ax.set_xlabel('time [min]', fontsize=10, color=INK)
    axes[0, 0].legend(fontsize=8, frameon=False, loc='upper left')
    title = (
        f'soak: {summary["minutes"]:.0f} min, {summary["goals"]["count"]} goals, seed '
        f'{summary["seed"]}'
    )
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha='left', weight='bold')
    save_figure(figure, path)


def _lines(
    axes: Axes,
    notes: Mapping[str, Sequence[Mapping[str, Any]]],
    summary: Mapping[str, Any],
    name: str,
    unit: float,
    title: str,
    label: str,
) -> None:
    for index, process in enumerate(summary['processes']):
        for life, (times, values) in sorted(series_of(notes, process, name).items()):
            said = process if life == min(series_of(notes, process, name)) else None
            axes.plot(
                times / 60.0, values / unit, color=goal_colour(index), linewidth=1.3, label=said
            )
    axes.set_ylim(bottom=0)
    style_axes(axes, title, '', label)


def _latencies(axes: Axes, notes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for index, (key, label) in enumerate(
        (
            ('plan_p95_s', 'plan, 95 %'),
            ('first_command_p95_s', 'plan to first command, 95 %'),
        )
    ):
        rows = [(m['t_s'] / 60.0, 1000 * m[key]) for m in notes.get('minute', []) if m[key]]
        if rows:
            axes.plot(*zip(*rows, strict=True), color=goal_colour(index), label=label)
    axes.set_yscale('log')
    style_axes(axes, 'Latencies of each minute', '', 'ms')
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc='upper left')


def _gaps(axes: Axes, notes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    minutes = [minute for minute in notes.get('minute', []) if minute['longest_s'] > 0.0]
    rows = [(m['t_s'] / 60.0, 1000 * m['longest_s']) for m in minutes]
    if rows:
        axes.plot(*zip(*rows, strict=True), color=goal_colour(0), label='longest of a minute')
    for explained, colour in ((True, LEVEL), (False, MISS)):
        gaps = [g for g in notes.get('gap', []) if bool(g['reason']) is explained]
        if gaps:
            label = 'missed deadline, explained' if explained else 'missed deadline'
            axes.plot(
                [gap['t_s'] / 60.0 for gap in gaps],
                [_PERIOD_MS * gap['periods'] for gap in gaps],
                'o',
                markersize=4,
                color=colour,
                label=label,
            )
    axes.axhline(MOST_PERIODS * _PERIOD_MS, color=LEVEL, linewidth=1.0, linestyle='--')
    axes.set_yscale('log')
    style_axes(axes, 'Time between two commands of a motion', '', 'ms')
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc='upper left')
