"""`jepa-wm bench cell`: how fast the simulated cell is in lockstep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

    from jepa_wm_ros.sim.speed import CellSpeed

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_cell_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    from pathlib import Path

    parser = kinds.add_parser(
        'cell',
        help='steps per second of the simulated cell',
        description='Lets the arm of the simulated cell wander in one process, a picture of '
        '320 x 180 after each step, and says what the time goes into.',
    )
    parser.add_argument('--steps', type=int, default=500, help='default: 500')
    parser.add_argument('--seconds', type=float, default=math.inf, help='end earlier')
    parser.add_argument(
        '--variation',
        choices=('none', 'seen', 'unseen'),
        default='none',
        help='looks of the episodes; shadows take the longest (default: none)',
    )
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; prints a table and writes the figures."""
    from dataclasses import asdict

    from rich.console import Console

    from jepa_wm_ros.evaluation.records import write_json
    from jepa_wm_ros.sim.speed import measure_cell

    variation = None if args.variation == 'none' else args.variation
    speed = measure_cell(
        steps=args.steps, seconds=args.seconds, variation=variation, seed=args.seed
    )
    console = Console()
    console.print(cell_table(speed))
    if args.json is not None:
        rates = {'steps_per_s': speed.steps_per_s, 'steps_per_cpu_s': speed.steps_per_cpu_s}
        write_json(args.json, {**rates, **asdict(speed), 'variation': args.variation})
        console.print(f'  {args.json}', soft_wrap=True, highlight=False)
    return 0


def cell_table(speed: CellSpeed) -> Table:
    """Return the figures for people."""
    from rich.table import Table

    table = Table(title='simulated cell in lockstep', title_justify='left', title_style='bold')
    table.add_column('')
    table.add_column(f'{speed.steps} steps', justify='right')
    table.add_row('steps per second', f'{speed.steps_per_s:.0f}')
    table.add_row('steps per second of one core', f'{speed.steps_per_cpu_s:.0f}')
    table.add_row('time of a step, ms', f'{1e3 / speed.steps_per_s:.2f}')
    for name, share in speed.shares.items():
        table.add_row(f'  {name}, %', f'{100 * share:.0f}')
    return table
