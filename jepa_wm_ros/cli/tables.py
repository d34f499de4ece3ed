"""Results as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RATES = {
    'success_5cm': 'within 5 cm at the end',
    'success_3cm': 'within 3 cm at the end',
    'success_2cm': 'within 2 cm at the end',
    'ever_5cm': 'ever within 5 cm',
}


def evaluation_table(summary: Mapping[str, Any]) -> Table:
    """Return the figures of the planner beside the baselines; rates with 95 % intervals."""
    title = f'{summary["model"]}, seed {summary["seed"]}'
    table = Table(title=title, title_justify='left', title_style='bold')
    players = {'planner': summary, **summary['baselines']}
    table.add_column('')
    for name in players:
        table.add_column(name, justify='right')
    rows = list(players.values())
    table.add_row('episodes', *(str(row['episodes']) for row in rows))
    for key, label in RATES.items():
        table.add_row(f'{label}, %', *(_rate(row, key) for row in rows))
    for label, key, scale, digits in (
        ('median final distance, cm', 'final_distance_m_median', 100, 2),
        ('plan time p50, ms', 'plan_time_s_p50', 1000, 0),
        ('plan time p95, ms', 'plan_time_s_p95', 1000, 0),
    ):
        table.add_row(label, *(number(row[key], scale, digits) for row in rows))
    for label, key in (
        ('camera to latent p95, ms', 'camera_to_latent_s_p95'),
        ('plan to first command p95, ms', 'plan_to_first_command_s_p95'),
    ):
        if key in summary:
            table.add_row(label, number(summary[key], 1000, 1))
    return table


def goals_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return one row for each goal of a demo."""
    table = Table()
    for name in ('goal', 'start, cm', 'final, cm', 'steps', 'median plan, ms'):
        table.add_column(name, justify='right')
    table.add_column('outcome')
    for row in rows:
        final = row['final_distance_m']
        near = final is not None and final <= 0.05
        table.add_row(
            str(row['goal']),
            number(row['start_distance_m'], 100, 1),
            f'[{"green" if near else "red"}]{number(final, 100, 1)}[/]',
            str(row['steps']),
            number(row['plan_time_s_median'], 1000, 0),
            row['outcome'],
        )
    return table


def number(value: float | None, scale: float, digits: int) -> str:
    """Return a scaled number, or a dash where there is none."""
    return '-' if value is None else f'{scale * value:.{digits}f}'


def _rate(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return '-'
    low, high = row[f'{key}_interval']
    return f'{100 * row[key]:.1f} ({100 * low:.0f}..{100 * high:.0f})'
