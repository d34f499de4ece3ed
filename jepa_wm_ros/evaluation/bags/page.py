"""One HTML page that needs nothing else: tables, plots and pictures are inside."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.action_score import action_error
from jepa_wm_ros.evaluation.bags.figures import (
    curves_figure,
    errors_figure,
    landscape_figure,
    time_figure,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jepa_wm_ros.evaluation.bags.unit import Example, UnitResult

_STYLE = """
body { font: 15px/1.5 sans-serif; color: #1f2933; max-width: 1150px; margin: 2em auto; }
table { border-collapse: collapse; font-size: 13px; } img { max-width: 100%; }
td, th { border-bottom: 1px solid #e4e7eb; padding: 3px 9px; text-align: right; }
td:first-child, th:first-child, td.text { text-align: left; }
.bad { color: #d55e00; font-weight: bold; } .good { color: #009e73; }
figure { display: inline-block; margin: 4px; } figcaption { font-size: 12px; color: #52606d; }
"""
COLUMNS = (
    ('windows', 'windows', 1.0, 0),
    ('action_score', 'Action Score', 1.0, 1),
    ('position_error_m', 'Action Error xyz, cm', 100.0, 2),
    ('axis_x_m', 'x, cm', 100.0, 2),
    ('axis_y_m', 'y, cm', 100.0, 2),
    ('axis_z_m', 'z, cm', 100.0, 2),
    ('rotation_error_rad', 'rotation, rad', 1.0, 3),
    ('gripper_error', 'gripper', 1.0, 3),
    ('gripper_sign', 'gripper sign', 1.0, 2),
    ('cosine', 'cosine', 1.0, 3),
    ('rank', 'rank of done', 1.0, 3),
    ('monotonicity', 'distance falls', 1.0, 2),
    ('energy_planned', 'E planned', 1.0, 3),
    ('energy_executed', 'E done', 1.0, 3),
    ('energy_noop', 'E no-op', 1.0, 3),
    ('energy_grid', 'E grid', 1.0, 3),
)
"""Key, title, scale and digits of the columns of the summary table."""


def report_page(
    results: Sequence[UnitResult], summaries: Sequence[dict[str, Any]], conditions: dict[str, Any]
) -> str:
    """Return the page.

    Args:
        results: What was evaluated, broken recordings too.
        summaries: The figures of each, in the same order.
        conditions: How it was made.
    """
    good = [row for row in summaries if not row.get('trouble')]
    parts = ['<h1>What the models make of the bags</h1>', _table(good), _broken(summaries)]
    if good:
        parts += [_image(errors_figure(good)), _image(curves_figure(good)), _reading()]
    parts.append(_worst(results))
    for result, row in zip(results, summaries, strict=True):
        if not result.trouble:
            parts.append(_section(result, row))
    parts += ['<h2>How it was made</h2>', _pairs(conditions)]
    body = '\n'.join(part for part in parts if part)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>jepa-wm bag eval'
        f'</title><style>{_STYLE}</style></head><body>{body}</body></html>\n'
    )


def _table(summaries: Sequence[dict[str, Any]]) -> str:
    if not summaries:
        return '<p class="bad">No recording could be evaluated.</p>'
    head = ['bag', 'model', *(title for _, title, _, _ in COLUMNS), 'rollout / copy', 'verdict']
    rows = []
    for row in summaries:
        ratio = ' '.join(f'{value:.2f}' for value in row['rollout_over_copy'])
        kind = 'good' if row['verdict'].startswith('follows') else 'bad'
        cells = [_cell(row, key, scale, digits) for key, _, scale, digits in COLUMNS]
        verdict = f'<span class="{kind}">{html.escape(row["verdict"])}</span>'
        rows.append([html.escape(row['bag']), html.escape(row['model']), *cells, ratio, verdict])
    return _rows(head, rows)


def _cell(row: dict[str, Any], key: str, scale: float, digits: int) -> str:
    if row[key] is None:
        return '-'
    text = f'{scale * row[key]:.{digits}f}'
    interval = row.get(f'{key}_interval')
    if interval is None:
        return text
    low, high = (f'{scale * end:.{digits}f}' for end in interval)
    return f'{text}<br><small>{low}..{high}</small>'


def _broken(summaries: Sequence[dict[str, Any]]) -> str:
    lines = [
        f'<li>{html.escape(row["bag"])}: {html.escape(row["trouble"])}</li>'
        for row in {row['path'] + row['recording']: row for row in summaries}.values()
        if row.get('trouble')
    ]
    return f'<h2>Not evaluated</h2><ul>{"".join(lines)}</ul>' if lines else ''


def _reading() -> str:
    return (
        '<p>Each window begins at a picture of the bag, and its goal is the picture H steps '
        'later. Action Error: sums of planned and executed actions over the window, compared '
        'axis by axis; Action Score: max(0, 800 (0.1 - error of the position)), 80 at best. Rank: '
        'part of the random candidates that the model finds cheaper than what was done. Intervals '
        'are 95 % bootstrap intervals of the mean.</p>'
    )


def _worst(results: Sequence[UnitResult]) -> str:
    pairs = [(result, example) for result in results for example in result.examples]
    pairs.sort(key=lambda pair: -_error_m(pair[1]))
    rows = []
    for result, example in pairs[:20]:
        record = example.record
        link = f'<a href="#{_anchor(result, example)}">{record.offset_s:.2f} s</a>'
        bag, model = (html.escape(text) for text in (result.job.label, result.job.title))
        costs = (record.energy_planned, record.energy_executed, record.energy_noop)
        numbers = [f'{100 * _error_m(example):.2f}', *(f'{cost:.3f}' for cost in costs)]
        rows.append([bag, model, link, f'{record.stamp_s:.3f}', *numbers])
    head = [
        'bag',
        'model',
        'bag time',
        'stamp, s',
        'error xyz, cm',
        'E planned',
        'E done',
        'E no-op',
    ]
    return '<h2>Worst windows</h2>' + _rows(head, rows) if rows else ''


def _section(result: UnitResult, row: dict[str, Any]) -> str:
    timing, losses = row['timing'], row['losses']
    encode, plan, late = (
        f'{1000 * timing[key]:.1f} ms' for key in ('encode_s_p50', 'plan_s_p50', 'plan_s_p95')
    )
    least, median, greatest = (f'{1000 * row["step_s"][k]:.0f}' for k in (0, 2, 4))
    title = f'<h2>{html.escape(row["bag"])}, {html.escape(row["model"])}</h2>'
    text = (
        f'<p>{row["steps"]} steps, {row["recorded_s"]:.1f} s. A step lasts {median} ms (median; '
        f'{least}..{greatest}), the contract says {1000 * row["step_s_wanted"]:.0f}; '
        f'{100 * row["steps_off"]:.0f} % are off by more than a tenth. {losses["gaps"]} gaps, '
        f'{losses["bad_pictures"]} unusable pictures, {row["surprise_flags"]} surprising steps. '
        f'Encoding {encode} (median), planning {plan} (median), {late} (95 %); '
        f'{timing["times_real_time"]:.1f} times real time with reading.</p>'
    )
    shown = ''.join(_example(result, example) for example in result.examples)
    return title + text + _image(time_figure(result)) + shown


def _example(result: UnitResult, example: Example) -> str:
    record = example.record
    last = len(example.pictures) - 1
    strip = ''.join(
        f'<figure>{_image(data, "jpeg")}<figcaption>{_caption(number, last)}</figcaption></figure>'
        for number, data in enumerate(example.pictures)
    )
    title = (
        f'<h3 id="{_anchor(result, example)}">Bag time {record.offset_s:.2f} s: error '
        f'{100 * _error_m(example):.2f} cm</h3>'
    )
    return title + strip + _image(landscape_figure(example))


def _caption(number: int, last: int) -> str:
    return 'observation' if number == 0 else f'goal (+{last})' if number == last else f'+{number}'


def _anchor(result: UnitResult, example: Example) -> str:
    key = f'{result.job.source}/{result.job.recording}/{result.job.title}'
    text = ''.join(letter if letter.isalnum() else '-' for letter in key)
    return f'w{text}-{example.record.piece}-{example.record.frame}'


def _error_m(example: Example) -> float:
    record = example.record
    return float(action_error([record.planned], [record.executed]).position[0])


def _pairs(conditions: dict[str, Any]) -> str:
    rows = [
        [html.escape(str(key)), f'<code>{html.escape(str(value))}</code>']
        for key, value in conditions.items()
    ]
    return _rows(['what', 'value'], rows)


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = ''.join(f'<th>{title}</th>' for title in head)
    lines = (''.join(f'<td>{cell}</td>' for cell in row) for row in rows)
    return f'<table><tr>{top}</tr>{"".join(f"<tr>{line}</tr>" for line in lines)}</table>'


def _image(data: bytes, kind: str = 'png') -> str:
    return f'<img alt="" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'
