"""One HTML page that needs nothing else: tables, plots and pictures are inside."""

from __future__ import annotations

import shlex
from html import escape
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.bags.markup import STYLE, anchor, image, strip, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jepa_wm_ros.evaluation.bags.result import Example, UnitResult

MOST_LISTED = 20
_LEAD_S = 1.0
"""How long before a window a replay of it begins [s]."""
MAIN = (
    ('windows', 'windows', 1.0, 0),
    ('action_score', 'Action Score', 1.0, 1),
    ('position_error_m', 'Action Error xyz, cm', 100.0, 2),
    ('axis_x_m', 'x, cm', 100.0, 2),
    ('axis_y_m', 'y, cm', 100.0, 2),
    ('axis_z_m', 'z, cm', 100.0, 2),
    ('cosine', 'cosine', 1.0, 3),
    ('rank', 'rank of done', 1.0, 3),
)
"""Key, title, scale and digits of the columns of the first table."""
MORE = (
    ('rotation_error_rad', 'rotation, rad', 1.0, 3),
    ('gripper_error', 'gripper', 1.0, 3),
    ('gripper_sign', 'gripper sign', 1.0, 2),
    ('monotonicity', 'distance falls', 1.0, 2),
    ('energy_planned', 'E planned', 1.0, 3),
    ('energy_executed', 'E done', 1.0, 3),
    ('energy_noop', 'E no-op', 1.0, 3),
    ('energy_grid', 'E grid', 1.0, 3),
)
"""Those of the second one."""
_READING = """
<p>Each window begins at a picture of the bag, and its goal is the picture H steps later.
<b>Action Error</b>: sums of planned and of executed actions over the window, absolute difference;
xyz adds the three axes up. <b>Action Score</b>: max(0, 800 (0.1 m - error of the position)),
80 at best. <b>Cosine</b> between planned and executed translation. <b>Rank</b>: part of the
random candidates that the model finds cheaper than what was done; 0 is best, 0.5 is chance.
<b>E</b>: what the model's cost function says of the plan, of what was done, of doing nothing, and
of the best constant translation on a grid; the lower, the nearer to the goal.
<b>Rollout / copy</b>: error of predicting the executed actions over that of keeping the first
picture, for each step; below 1 the model predicts. <b>Distance falls</b>: part of the steps in
which the latent distance from the goal falls along what was done. Small numbers are 95 %
bootstrap intervals of the mean.</p>
"""
_LANDSCAPES = """
<p>Landscapes: cost of going the same way in each step (dark is cheap), over the total translation.
Slices leave all else as it was done; minima take the least cost over the third axis. Where the
lowest place is not at the white dot, the model wants something else than what was done.</p>
"""


def report_page(
    results: Sequence[UnitResult],
    summaries: Sequence[dict[str, Any]],
    controls: Sequence[dict[str, Any]],
    conditions: dict[str, Any],
    figures: Mapping[str, bytes],
) -> str:
    """Return the page.

    Args:
        results: What was evaluated, broken recordings too.
        summaries: The figures of each, in the same order.
        controls: What became of what was spoilt on purpose.
        conditions: How it was made.
        figures: PNG files by name, see `figures.report_figures`.
    """
    good = [row for row in summaries if not row.get('trouble')]
    parts = ['<h1>What the models make of the bags</h1>', _main(good), _controls(controls)]
    parts.append(_broken(summaries))
    if good:
        parts += [
            image(figures['errors.png'], 'errors of all recordings and models'),
            image(figures['curves.png'], 'prediction errors and goal distances by step'),
            '<h2>More figures</h2>',
            _more(good),
            _READING,
        ]
    parts.append(_worst(results))
    for number, (result, row) in enumerate(zip(results, summaries, strict=True)):
        if result.shown:
            parts.append(_section(number, result, row, figures))
    parts += ['<h2>How it was made</h2>', _pairs(conditions)]
    body = '\n'.join(part for part in parts if part)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>jepa-wm bag eval'
        f'</title><style>{STYLE}</style></head><body>{body}</body></html>\n'
    )


def _main(summaries: Sequence[dict[str, Any]]) -> str:
    if not summaries:
        return '<p class="bad">No recording could be evaluated.</p>'
    head = ['bag', 'model', 'verdict', *(title for _, title, _, _ in MAIN)]
    rows = []
    for row in summaries:
        kind = 'good' if row['verdict'].startswith('follows') else 'bad'
        link = escape(row['bag'])
        if not row['control']:
            link = f'<a href="#{anchor("unit", row["bag"], row["model"])}">{link}</a>'
        verdict = f'<div class="verdict {kind}">{escape(row["verdict"])}</div>'
        rows.append([link, escape(row['model']), verdict, *_cells(row, MAIN)])
    return table(head, rows)


def _more(summaries: Sequence[dict[str, Any]]) -> str:
    head = ['bag', 'model', *(title for _, title, _, _ in MORE), 'rollout / copy']
    rows = []
    for row in summaries:
        ratio = ' '.join(f'{value:.2f}' for value in row['rollout_over_copy'])
        rows.append([escape(row['bag']), escape(row['model']), *_cells(row, MORE), ratio])
    return table(head, rows)


def _cells(row: dict[str, Any], columns: Sequence[tuple[str, str, float, int]]) -> list[str]:
    return [_cell(row, key, scale, digits) for key, _, scale, digits in columns]


def _cell(row: dict[str, Any], key: str, scale: float, digits: int) -> str:
    if row[key] is None:
        return '-'
    text = f'{scale * row[key]:.{digits}f}'
    interval = row.get(f'{key}_interval')
    if interval is None:
        return text
    low, high = (f'{scale * end:.{digits}f}' for end in interval)
    return f'{text}<br><small>{low}..{high}</small>'


def _controls(controls: Sequence[dict[str, Any]]) -> str:
    lines = [
        f'<li>{escape(row["bag"])}, {escape(row["model"])}: '
        f'<span class="{"good" if row["worse"] else "bad"}">{escape(row["words"])}</span></li>'
        for row in controls
    ]
    about = '<p>The same windows with something spoilt on purpose, which must show.</p>'
    return f'<h2>Controls</h2>{about}<ul>{"".join(lines)}</ul>' if lines else ''


def _broken(summaries: Sequence[dict[str, Any]]) -> str:
    lines = [
        f'<li>{escape(row["bag"])}: {escape(row["trouble"])}</li>'
        for row in {row['path'] + row['recording']: row for row in summaries}.values()
        if row.get('trouble')
    ]
    return f'<h2>Not evaluated</h2><ul>{"".join(lines)}</ul>' if lines else ''


def _worst(results: Sequence[UnitResult]) -> str:
    pairs = [(result, example) for result in results for example in result.examples]
    pairs.sort(key=lambda pair: -pair[1].error_m)
    rows = []
    for result, example in pairs[:MOST_LISTED]:
        record = example.record
        link = f'<a href="#{_place(result, example)}">{record.offset_s:.2f} s</a>'
        costs = (record.energy_planned, record.energy_executed, record.energy_noop)
        numbers = [f'{100 * example.error_m:.2f}', *(f'{cost:.3f}' for cost in costs)]
        names = (escape(result.job.label), escape(result.job.title))
        rows.append([*names, link, f'{record.stamp_s:.3f}', *numbers])
    head = ['bag', 'model', 'bag time', 'stamp, s', 'error xyz, cm']
    return (
        '<h2>Worst windows</h2>' + table([*head, 'E planned', 'E done', 'E no-op'], rows)
        if rows
        else ''
    )


def _section(
    number: int, result: UnitResult, row: dict[str, Any], figures: Mapping[str, bytes]
) -> str:
    place = anchor('unit', row['bag'], row['model'])
    title = f'<h2 id="{place}">{escape(row["bag"])}, {escape(row["model"])}</h2>'
    note = f'<p>{escape(result.note)}</p>' if result.note else ''
    drawn = image(figures[f'time-{number}.png'], 'error, surprise and step lengths over time')
    shown = ''.join(
        _example(result, example, figures[f'window-{number}-{count}.png'])
        for count, example in enumerate(result.examples)
    )
    return title + _told(row) + note + drawn + (_LANDSCAPES if shown else '') + shown


def _told(row: dict[str, Any]) -> str:
    timing, losses = row['timing'], row['losses']
    encode, plan, late = (
        f'{1000 * timing[key]:.1f} ms' for key in ('encode_s_p50', 'plan_s_p50', 'plan_s_p95')
    )
    least, median, greatest = (f'{1000 * row["step_s"][k]:.0f}' for k in (0, 2, 4))
    return (
        f'<p>{row["steps"]} steps, {row["recorded_s"]:.1f} s. A step lasts {median} ms (median; '
        f'{least}..{greatest}), the contract says {1000 * row["step_s_wanted"]:.0f}; '
        f'{100 * row["steps_off"]:.0f} % are off by more than a tenth. {losses["gaps"]} gaps, '
        f'{losses["bad_pictures"]} unusable pictures, {row["surprise_flags"]} surprising steps. '
        f'Encoding {encode} (median), planning {plan} (median), {late} (95 %); '
        f'{timing["times_real_time"]:.1f} times real time with reading.</p>'
    )


def _example(result: UnitResult, example: Example, drawn: bytes) -> str:
    record, last = example.record, len(example.pictures) - 1
    steps = ['', *(f'+{number}' for number in range(1, last + 1))]
    strips = strip('bag', example.pictures, ['observation', *steps[1:last], f'goal (+{last})'])
    if example.expected:
        strips += strip('decoded, as done', example.expected, ['its latent', *steps[1:]])
        strips += strip('decoded, as planned', example.planned, ['its latent', *steps[1:]])
    done, planned = (
        _sum(actions) for actions in (example.record.executed, example.record.planned)
    )
    return (
        f'<h3 id="{_place(result, example)}">Bag time {record.offset_s:.2f} s: error '
        f'{100 * example.error_m:.2f} cm</h3>'
        f'<p>Done: {done} cm; planned: {planned} cm. <code>{escape(_replay(result, example))}'
        f'</code></p>{strips}{image(drawn, "energy around what was done")}'
    )


def _sum(actions: Sequence[Sequence[float]]) -> str:
    totals = (100 * sum(action[axis] for action in actions) for axis in range(3))
    return '(' + ', '.join(f'{total:+.1f}' for total in totals) + ')'


def _replay(result: UnitResult, example: Example) -> str:
    """The command that plays the window."""
    job = result.job
    path = job.source if job.recording in ('', job.source.name) else job.source / job.recording
    return play_command(str(path), max(0.0, example.record.offset_s - _LEAD_S))


def play_command(path: str, start_s: float) -> str:
    """Return the line that plays a bag from somewhere; as it is, it commands nothing."""
    return f'jepa-wm bag play {shlex.quote(path)} --start {start_s:.1f}'


def _place(result: UnitResult, example: Example) -> str:
    job = result.job
    return anchor(
        'w', job.source, job.recording, job.title, example.record.piece, example.record.frame
    )


def _pairs(conditions: dict[str, Any]) -> str:
    rows = [
        [escape(str(key)), f'<code>{escape(str(value))}</code>']
        for key, value in conditions.items()
    ]
    return table(['what', 'value'], rows)
