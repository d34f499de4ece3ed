"""`jepa-wm bench jitter`: how regular the commands are while every core plans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.table import Table

    from jepa_wm_ros.ros.faults.jitter import JitterFigures

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_jitter_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'jitter',
        help='regularity of the commands and answers to cancels while every core plans',
        description='Starts the simulated cell and one process for each core that does nothing '
        'but plan; moves the arm, and looks at the times at which set-points were sent.',
    )
    parser.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    parser.add_argument(
        '--load', type=int, default=os.cpu_count() or 1, help='planning processes (default: cores)'
    )
    parser.add_argument('--motions', type=int, default=10, help='default: 10')
    parser.add_argument('--cancels', type=int, default=10, help='of each kind (default: 10)')
    parser.add_argument('--logs', type=Path, default=Path('runs/jitter'), help='for the processes')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; print a table and write the figures."""
    from dataclasses import asdict

    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.evaluation.records import write_json
    from jepa_wm_ros.ros.faults.jitter import measure_jitter

    model = str(chosen_bundle(args.model)[0])
    figures = measure_jitter(
        args.logs,
        {'encoder': {'model': model}, 'planner': {'model': model}},
        load=args.load,
        motions=args.motions,
        cancels=args.cancels,
        model=model,
    )
    Console().print(jitter_table(figures))
    if args.json is not None:
        write_json(args.json, asdict(figures))
    return 0


def jitter_table(figures: JitterFigures) -> Table:
    """Return the figures for people."""
    from rich.table import Table

    table = Table(title='commands at 100 Hz', title_justify='left', title_style='bold')
    table.add_column('')
    table.add_column('ms', justify='right')
    for name, value in (
        ('off the period, median', figures.p50_s),
        ('off the period, 99 %', figures.p99_s),
        ('off the period, worst', figures.longest_s),
    ):
        table.add_row(name, f'{1000 * value:.2f}')
    for name, times in (
        ('answer to a cancelled motion', figures.cancel_motion_s),
        ('answer to a cancelled goal', figures.cancel_goal_s),
    ):
        table.add_row(f'{name}, median and worst', _median_and_worst(times))
    table.caption = (
        f'{figures.intervals} intervals, {figures.load} planning processes on {figures.cores} '
        f'cores, action publisher: {figures.scheduling}'
    )
    return table


def _median_and_worst(times: Sequence[float]) -> str:
    if not times:
        return '-'
    ordered = sorted(times)
    return f'{1000 * ordered[len(ordered) // 2]:.1f}, {1000 * ordered[-1]:.1f}'
