"""The results of a study in words and tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.studies.summary import WARNINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERVALS = (
    'Success is judged after the last step; (low..high) are 95 % intervals: Wilson for success, '
    'bootstrap over draws for the rest. All rows play the same draws.'
)


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every row.

    Attributes:
        head: Its heading.
        words: What a row says; `-` where it has nothing to say.
        brief: Whether it is for narrow tables, too.
    """

    head: str
    words: Callable[[dict[str, Any]], str]
    brief: bool = False


TRAINING = (
    Column('error of 1 … n steps / copying', lambda row: _errors(row)),
    Column('probe, cm', lambda row: _number(row['probe_rmse_m'], 100, 2)),
    Column('rank', lambda row: _number(row['effective_rank'], 1, 1)),
    Column('SIGReg / null', lambda row: _number(row['sigreg_over_null'], 1, 0)),
    Column('warned of', lambda row: _warnings(row)),
    Column('training, CPU min', lambda row: _number(row['training_cpu_s'], 1 / 60, 1)),
    Column('numbers, thousands', lambda row: _number(row['numbers_in_bundle'], 1e-3, 0)),
)
"""What is of interest where models were trained."""


def columns_of(rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the columns that some row has something for."""
    gain = [Column('beyond the first row', _gain, brief=True)] if len(rows) > 1 else []
    columns = [
        Column('within 5 cm, %', lambda row: _rate(row, 'success_5cm'), brief=True),
        *gain,
        Column('within 2 cm, %', lambda row: _rate(row, 'success_2cm')),
        Column('final distance, cm: mean', _distance, brief=True),
        Column('median', lambda row: _number(row['final_distance_m_median'], 100, 2)),
        Column(
            'CPU of a look, ms', lambda row: _number(row['look_cpu_s_p50'], 1000, 0), brief=True
        ),
    ]
    if any(row['trained'] for row in rows):
        columns += TRAINING
    return [column for column in columns if any(column.words(row) != '-' for row in rows)]


def page(content: dict[str, Any], plots: Sequence[str]) -> str:
    """Return the page of a study, in Markdown.

    Args:
        content: What stands in study.json.
        plots: Names of the pictures beside it.
    """
    rows, axes = content['rows'], list(content['rows'][0]['labels'])
    columns = columns_of(rows)
    lines = [f'# {content["name"]}', '', content['question'], '', _state(content), '']
    lines += _markdown(
        [*axes, *(column.head for column in columns)],
        [[*row['labels'].values(), *(column.words(row) for column in columns)] for row in rows],
    )
    lines += ['', INTERVALS]
    for row in rows:
        if len(row['seeds']) > 1:
            each = ', '.join(f'{100 * rate:.0f}' for rate in row['success_5cm_of_seeds'])
            lines += ['', f'{label_of(row)}: within 5 cm by training seed: {each} %']
    lines += _marginals(content['marginals'])
    lines += ['', *(f'![{name}]({name})' for name in plots), '', '## Conditions', '']
    lines += [f'- {name}: {value}' for name, value in content['conditions'].items()]
    return '\n'.join(lines) + '\n'


def label_of(row: dict[str, Any]) -> str:
    """Return the choices of a row in a few words."""
    return ', '.join(
        f'{axis} {label}' if label.replace('.', '').isdigit() or label in ('on', 'off') else label
        for axis, label in row['labels'].items()
    )


def _marginals(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the part about single choices; nothing where only one thing was varied."""
    if not rows:
        return []
    words = [
        [
            row['axis'],
            row['choice'],
            _rate(row, 'success_5cm'),
            _rate(row, 'success_2cm'),
            _distance(row),
        ]
        for row in rows
    ]
    heads = ['', 'choice', 'within 5 cm, %', 'within 2 cm, %', 'final distance, cm: mean']
    lines = ['', '## Each choice, over all others', '', *_markdown(heads, words), '']
    return [*lines, 'The others play the same draws again: these intervals are rather narrow.']


def _state(content: dict[str, Any]) -> str:
    state = f'{content["done"]} of {content["jobs"]} jobs are done.'
    if content['failed']:
        state += f' {len(content["failed"])} failed: {"; ".join(content["failed"])}.'
    return state


def _markdown(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [
        '| ' + ' | '.join(heads) + ' |',
        '|' + '---|' * len(heads),
        *('| ' + ' | '.join(row) + ' |' for row in rows),
    ]


def _rate(row: dict[str, Any], name: str) -> str:
    low, high = row[f'{name}_interval']
    return f'{100 * row[name]:.1f} ({100 * low:.0f}..{100 * high:.0f})'


def _gain(row: dict[str, Any]) -> str:
    if row.get('gain_5cm') is None:
        return '-'
    low, high = row['gain_5cm_interval']
    return f'{100 * row["gain_5cm"]:+.1f} ({100 * low:+.0f}..{100 * high:+.0f})'


def _distance(row: dict[str, Any]) -> str:
    low, high = row['final_distance_m_mean_interval']
    return f'{100 * row["final_distance_m_mean"]:.2f} ({100 * low:.2f}..{100 * high:.2f})'


def _warnings(row: dict[str, Any]) -> str:
    return ', '.join(name for name in WARNINGS if row[name]) or '-'


def _errors(row: dict[str, Any]) -> str:
    errors = row['rollout_error_over_copy']
    return ' '.join(f'{error:.3f}' for error in errors) if errors else '-'


def _number(value: float | None, scale: float, digits: int) -> str:
    return '-' if value is None else f'{scale * value:.{digits}f}'
