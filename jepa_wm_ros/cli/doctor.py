"""`jepa-wm doctor`: look for what could be wrong on this machine, and in a running graph."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from jepa_wm_ros.cli.checks import CHECKS
from jepa_wm_ros.cli.findings import Finding, Level

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rich.console import Console
    from rich.table import Table

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
    Named = list[tuple[str, Finding]]

_STYLES = {Level.GOOD: 'green', Level.DOUBTFUL: 'yellow', Level.BAD: 'bold red'}


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'doctor',
        help='look for what could be wrong on this machine, and in a running graph',
        description='Checks what the package needs, and says what to do where something is '
        'missing. With a system, it also looks at the running graph: whether camera, arm and '
        'controller are what `ros2 launch` or `jepa-wm up` with the same arguments will expect. '
        'Exit code 1 when there is a problem; warnings do not count.',
    )
    parser.add_argument('system', nargs='?', metavar='SYSTEM', help='sim or franka')
    parser.add_argument(
        'arguments', nargs='*', metavar='NAME:=VALUE', help='as for `jepa-wm up SYSTEM`'
    )
    parser.add_argument(
        '--graph-only', action='store_true', help='leave out what concerns the machine'
    )
    parser.add_argument(
        '--seconds', type=float, default=3.0, metavar='S', help='listen so long (default: 3)'
    )
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run all checks and print one row for each; 1 when there is a problem."""
    from rich.console import Console

    console = Console(stderr=args.json)
    findings: Named = []
    if not args.graph_only:
        findings += examine_machine(console)
    if args.system is not None:
        findings += examine_graph(args, console)
    problems = [title for title, finding in findings if finding.level is Level.BAD]
    if args.json:
        print(as_json(findings))
    else:
        console.print(_table(findings))
        counted = f'{len(problems)} of {len(findings)} checks failed: {", ".join(problems)}'
        console.print(counted if problems else 'all is well')
    return 1 if problems else 0


def examine_machine(console: Console) -> Named:
    """Run the checks of the machine."""
    findings = []
    for title, check in CHECKS:
        with console.status(f'{title} …'):
            findings.append((title, examine(check)))
    return findings


def examine_graph(args: argparse.Namespace, console: Console) -> Named:
    """Look at the graph, and run its checks.

    Raises:
        SystemNameError: There is no such system.
        BringupError: An argument is not possible.
    """
    from jepa_wm_ros.cli.expectations import expectations
    from jepa_wm_ros.cli.graph_checks import CHECKS as GRAPH_CHECKS
    from jepa_wm_ros.cli.systems import given_arguments, known_system
    from jepa_wm_ros.ros.drivers import ARMS
    from jepa_wm_ros.ros.inspection import inspect_graph

    system, given = known_system(args.system), given_arguments(args.arguments)
    driver = system.complete(given).get('driver', '')
    wanted = expectations(system, given, ARMS[driver].backend if driver else '')
    with console.status('listening to the graph …'):
        facts = inspect_graph(
            wanted.topics,
            actions=wanted.actions,
            namespace=wanted.namespace,
            seconds=args.seconds,
        )
    return [(title, examine(partial(check, facts, wanted))) for title, check in GRAPH_CHECKS]


def examine(check: Callable[[], Finding]) -> Finding:
    """Run one check; an unexpected error becomes a finding, so that the others still run."""
    try:
        return check()
    except Exception as error:
        return Finding(Level.BAD, f'{type(error).__name__}: {error}', 'report this as a bug')


def as_json(findings: Named) -> str:
    """Return the findings as JSON: a list of objects, one for each check."""
    rows = [
        {'check': title, 'level': one.level.value, 'found': one.found, 'advice': one.advice}
        for title, one in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _table(findings: Named) -> Table:
    """Lay the findings out, one row each."""
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid('result', 'check', 'found', padding=(0, 2))
    table.columns[2].overflow = 'fold'
    for title, finding in findings:
        style = _STYLES[finding.level]
        found = escape(finding.found)
        if finding.advice:
            found += f'\n[bold]to do:[/] {escape(finding.advice)}'
        table.add_row(f'[{style}]{finding.level.value}[/]', title, found)
    return table
