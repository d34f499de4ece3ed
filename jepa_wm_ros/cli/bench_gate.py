"""`jepa-wm bench gate`: does anything go to the wire that must not, whatever happens?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.evaluation.bench.gate import GateFigures

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_gate_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'gate',
        help='random inputs, requests and faults in any order: is every command allowed?',
        description='Lets random things happen to executor, supervisor and command gate, on a '
        'clock of their own: ghosts, absurd joint states, gaps, clock jumps, plans, stops, '
        'resets, a stuck arm. A watch with rules of its own looks at every command. Exit code 1 '
        'when a command breaks one; the seed that is printed repeats it.',
    )
    parser.add_argument(
        '--steps', type=int, default=100_000, help='how many things happen (default: 100000)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the first trial (default: 0)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; print the figures and write them."""
    from dataclasses import asdict

    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.bench.gate import run_gate
    from jepa_wm_ros.evaluation.records import write_json

    console = Console()
    with progress_bar('gate', 'steps', console) as update:
        figures = run_gate(args.steps, args.seed, lambda done: update(done, args.steps))
    _print(figures, console)
    if args.json is not None:
        write_json(args.json, asdict(figures))
        console.print(f'figures: {args.json}')
    return 1 if figures.violation else 0


def _print(figures: GateFigures, console: Console) -> None:
    """Print the figures for people."""
    from rich.table import Table

    table = Table(title='how motions ended, and faults', title_justify='left', title_style='bold')
    table.add_column('')
    table.add_column('times', justify='right')
    for name, count in sorted(figures.codes.items(), key=lambda item: -item[1]):
        table.add_row(name, str(count))
    console.print(table)
    console.print(f'{figures.steps} steps, {figures.commands} commands on the wire')
    if figures.violation:
        console.print(f'[bold red]a rule is broken[/]: {figures.violation}', soft_wrap=True)
    else:
        console.print('every command was allowed')
