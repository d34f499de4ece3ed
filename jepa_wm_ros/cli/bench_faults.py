"""`jepa-wm bench faults`: break a running cell on purpose, and see what becomes of the arm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.table import Table

    from jepa_wm_ros.ros.faults.system import FaultResult

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

COLUMNS = (
    'fault',
    'state',
    'as it has to be',
    'brakes after, ms (at most)',
    'stops within, ms',
    'arm rests within, ms',
    'longest step, rad',
    'said',
)
SHORT = ('fault', 'state', 'ok', 'brakes (at most)', 'stops', 'rests', 'step')
"""The same, apart from what was said, as they fit into a terminal."""


def add_faults_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'faults',
        help='break the simulated graph on purpose and watch the arm stop',
        description='Starts the simulated cell with all its processes, moves the arm, and makes '
        'one fault after the other: cameras and joint states that stop or come late, killed '
        'processes, a second publisher, clocks that jump, reflexes, NaN. Takes four minutes. Exit '
        'code 1 when one was not handled as it has to be.',
    )
    parser.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    parser.add_argument('--only', action='append', default=[], metavar='FAULT', help='repeatable')
    parser.add_argument('--list', action='store_true', help='list the faults and end')
    parser.add_argument('--logs', type=Path, default=Path('runs/faults'), help='for the processes')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.add_argument('--markdown', type=Path, metavar='FILE', help='write the table there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the faults; print and write what was seen."""
    from rich.console import Console
    from rich.markup import escape

    from jepa_wm_ros.ros.faults.rows import ROWS
    from jepa_wm_ros.ros.faults.system import run_rows, wanted_rows

    console = Console()
    if args.list:
        console.print('\n'.join(row.name for row in ROWS), highlight=False)
        return 0
    results: list[FaultResult] = []
    count = len(wanted_rows(args.only))

    def note(result: FaultResult) -> None:
        results.append(result)
        verdict = 'ok' if result.passed else '[red]NOT AS IT HAS TO BE[/]'
        said = f'[dim]: {escape(result.message)}[/]' if result.message else ''
        line = f'{len(results):2} of {count}  {verdict}  {escape(result.name)}{said}'
        console.print(line, highlight=False, soft_wrap=True)

    model = {} if args.model is None else {'model': str(args.model)}
    try:
        run_rows(args.logs, {'encoder': model, 'planner': model}, only=args.only, on_result=note)
    finally:  # what was seen counts, even when the rest cannot be tried
        console.print(faults_table(results))
        _write(args, results)
    return 0 if all(result.passed for result in results) else 1


def faults_table(results: Sequence[FaultResult]) -> Table:
    """Return what was measured, for people at a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = 'faults: times in ms, longest step in rad'
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify='left', title_style='bold'
    )
    for name in SHORT[:2]:
        table.add_column(name, overflow='fold')
    for name in SHORT[2:]:
        table.add_column(name, justify='right', no_wrap=name in ('ok', 'step'))
    for result in results:
        table.add_row(*_cells(result)[:-1], style=None if result.passed else 'red')
    return table


def faults_markdown(results: Sequence[FaultResult]) -> str:
    """Return the same table for a document."""
    lines = ['| ' + ' | '.join(COLUMNS) + ' |', '|' + '---|' * len(COLUMNS)]
    lines += ['| ' + ' | '.join(_cells(result)) + ' |' for result in results]
    return '\n'.join(lines) + '\n'


def _cells(result: FaultResult) -> tuple[str, ...]:
    figures = result.figures
    return (
        result.name,
        result.state,
        'yes' if result.passed else 'NO',
        _noticed(result),
        _milliseconds(None if result.notice_s is None else figures.stop_s),
        _milliseconds(None if figures.detection_s is None else result.rest_s),
        f'{figures.largest_step_rad:.4f}',
        result.message,
    )


def _noticed(result: FaultResult) -> str:
    """Say when braking began, and when it had to."""
    if result.notice_s is None:
        return '-'
    return f'{_milliseconds(result.figures.detection_s)} ({1000 * result.notice_s:.0f})'


def _milliseconds(seconds: float | None) -> str:
    return '-' if seconds is None else f'{1000 * seconds:.0f}'


def _write(args: argparse.Namespace, results: Sequence[FaultResult]) -> None:
    from dataclasses import asdict

    from jepa_wm_ros.evaluation.records import write_json

    if args.json is not None:
        rows: list[dict[str, Any]] = [asdict(result) for result in results]
        write_json(args.json, {'faults': rows})
    if args.markdown is not None:
        args.markdown.write_text(faults_markdown(results))
