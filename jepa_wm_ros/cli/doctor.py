"""`jepa-wm doctor`: look for what could be wrong on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.cli.checks import CHECKS, Finding, Level

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rich.table import Table

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_STYLES = {Level.GOOD: 'green', Level.DOUBTFUL: 'yellow', Level.BAD: 'bold red'}


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'doctor',
        help='look for what could be wrong on this machine',
        description='Checks what the package needs, and says what to do where something is '
        'missing. Exit code 1 when there is a problem; warnings do not count.',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run all checks and print one row for each; 1 when there is a problem."""
    from rich.console import Console

    console = Console()
    findings = []
    for title, check in CHECKS:
        with console.status(f'{title} …'):
            findings.append((title, examine(check)))
    console.print(_table(findings))
    problems = [title for title, finding in findings if finding.level is Level.BAD]
    if problems:
        console.print(f'{len(problems)} of {len(CHECKS)} checks failed: {", ".join(problems)}')
        return 1
    console.print('all is well')
    return 0


def examine(check: Callable[[], Finding]) -> Finding:
    """Run one check; an unexpected error becomes a finding, so that the others still run."""
    try:
        return check()
    except Exception as error:
        return Finding(Level.BAD, f'{type(error).__name__}: {error}', 'report this as a bug')


def _table(findings: list[tuple[str, Finding]]) -> Table:
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
