"""Results as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

THRESHOLDS = ('success_5cm', 'success_3cm', 'success_2cm', 'ever_5cm')


def evaluation_table(summary: Mapping[str, Any]) -> Table:
    """Return the figures of the planner and the baselines; rates with 95 % intervals [%]."""
    title = f'{summary["model"]}, seed {summary["seed"]}'
    table = Table(title=title, title_justify='left', title_style='bold')
    for name in ('', 'episodes', '≤ 5 cm', '≤ 3 cm', '≤ 2 cm', 'ever ≤ 5 cm'):
        table.add_column(name, justify='right' if name else 'left')
    for name in ('median [cm]', 'plan p50 [ms]', 'plan p95 [ms]'):
        table.add_column(name, justify='right')
    for name, row in {'planner': summary, **summary['baselines']}.items():
        table.add_row(
            name,
            str(row['episodes']),
            *(_rate(row, key) for key in THRESHOLDS),
            number(row['final_distance_m_median'], 100, 2),
            number(row['plan_time_s_p50'], 1000, 0),
            number(row['plan_time_s_p95'], 1000, 0),
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
