"""The audit of a dataset as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from jepa_wm_ros.data.audit import ActionColumn, Audit, SourceSummary, StepSummary

_BARS = ' ▁▂▃▄▅▆▇█'


def show_audit(audit: Audit, console: Console) -> None:
    """Print everything: steps, sources, and one line for each recording that was dropped."""
    show_steps(audit.steps, console)
    show_sources(audit.sources, console)
    for fact in audit.facts:
        if fact.dropped:
            line = f'dropped {fact.source} {fact.name}: {fact.dropped}'
            console.print(f'[yellow]{escape(line)}[/]', soft_wrap=True, highlight=False)
    for note in sorted({fact.note for fact in audit.facts if fact.note}):
        names = [fact.name for fact in audit.facts if fact.note == note]
        console.print(escape(f'note: {note} ({len(names)} recordings)'), soft_wrap=True)


def show_steps(steps: StepSummary, console: Console) -> None:
    """Print how many episodes and steps there are, and the actions against their bounds."""
    if not steps.episodes:
        return
    lengths = ' / '.join(str(length) for length in steps.lengths)
    console.print(
        f'{steps.episodes} episodes, {steps.frames} frames, {steps.steps} steps; frames of an '
        f'episode (least / median / most): {lengths}',
        soft_wrap=True,
    )
    if steps.measured_s:
        least, low, mean, high, most = (f'{value:.3f}' for value in steps.measured_s)
        wanted = '' if steps.step_duration_s is None else f' (wanted {steps.step_duration_s:g} s)'
        console.print(
            f'a step lasts {mean} s{wanted}; 5 %..95 %: {low}..{high}, all: {least}..{most}',
            soft_wrap=True,
        )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ('action', 'bounds', 'least', 'median', 'most', 'outside'):
        table.add_column(name, justify='left' if name == 'action' else 'right', no_wrap=True)
    table.add_column('histogram', no_wrap=True)
    for column in steps.actions:
        table.add_row(*_action_row(column))
    console.print(table)


def show_sources(sources: SourceSummary, console: Console) -> None:
    """Print what the recordings were like."""
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify='right')
    kept = sources.recordings - sources.dropped
    speed = sources.recorded_s / sources.built_s if sources.built_s else 0.0
    rows = {
        'recordings (kept + dropped)': f'{kept} + {sources.dropped}',
        'recorded, min': f'{sources.recorded_s / 60:.1f}',
        'built, times real time': f'{speed:.1f}' if sources.recorded_s else '-',
        'pictures, Hz (least / median / greatest)': _spread(sources.picture_rate_hz),
        'robot states, Hz': _spread(sources.state_rate_hz),
        'gaps in pictures / in states': f'{sources.picture_gaps} / {sources.state_gaps}',
        'longest time between pictures, s': f'{sources.longest_gap_s:.3f}',
        'arm suddenly elsewhere': str(sources.jumps),
        'bad pictures': str(sources.bad_pictures),
        'pieces too short': str(sources.short),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def histogram(counts: Sequence[int]) -> str:
    """Draw counts as bars in one line of text."""
    most = max(counts, default=0)
    steps = len(_BARS) - 1
    return ''.join(_BARS[-(-steps * count // most) if most else 0] for count in counts)


def _action_row(column: ActionColumn) -> list[str]:
    found = [f'{value:.3f}' for value in column.quantiles[::2]] or ['-'] * 3
    outside = f'{100 * column.outside:.0f} %'
    if column.outside > 0:
        outside = f'[yellow]{outside}[/]'
    return [column.name, _bounds(column), *found, outside, histogram(column.counts)]


def _bounds(column: ActionColumn) -> str:
    if column.lower is None or column.upper is None:
        return '-'
    if column.lower == column.upper:
        return f'pinned {column.upper:g}'
    if column.lower == -column.upper:
        return f'±{column.upper:g}'
    return f'{column.lower:g}..{column.upper:g}'


def _spread(values: Sequence[float]) -> str:
    return ' / '.join(f'{value:.1f}' for value in values) or '-'
