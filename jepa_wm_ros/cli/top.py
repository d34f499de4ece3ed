"""`jepa-wm top`: a running graph at a glance, in the terminal."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    from jepa_wm_ros.ros.vitals import Signs, Stream, Vitals

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

PERIOD_S = 0.5
LISTEN_S = 3.0
PATIENCE_S = 10.0
BARS = '▁▂▃▄▅▆▇█'
_STATES = {
    'active': 'green',
    'ARMED': 'green',
    'EXECUTING': 'green',
    'inactive': 'yellow',
    'DISARMED': 'yellow',
    'FAULT': 'bold red',
    'absent': 'bold red',
}
_LEVELS = {'WARN': 'yellow', 'ERROR': 'red', 'FATAL': 'bold red'}


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'top',
        help='watch a running graph in the terminal',
        description='Shows which nodes live, how fast pictures, joint states and plans flow and '
        'how old they are, what the plans cost, what the safety supervisor and the logs say.',
    )
    parser.add_argument('--namespace', default='', help='of the graph (default: none)')
    parser.add_argument(
        '--once', action='store_true', help=f'listen for {LISTEN_S:g} s, print, and end'
    )
    parser.add_argument('--json', action='store_true', help='the same as JSON')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C; `--once` returns 1 when a node is missing or a fault is latched."""
    from rich.console import Console

    from jepa_wm_ros.ros.vitals import Vitals

    console = Console()
    with Vitals(namespace=args.namespace) as vitals:
        if args.once or args.json or not console.is_terminal:
            signs = _listened(vitals)
            if args.json:
                print(json.dumps(plain(signs), indent=2))
            else:
                console.print(overview(signs))
            return 0 if well(signs) else 1
        _watch(vitals, console)


def _listened(vitals: Vitals) -> Signs:
    """Listen for a while, and longer where nodes have not answered yet."""
    began_s = time.monotonic()
    while True:
        time.sleep(PERIOD_S)
        signs: Signs = vitals.signs()
        listened_s = time.monotonic() - began_s
        asked = '?' in signs.nodes.values() and listened_s < PATIENCE_S
        if listened_s >= LISTEN_S and not asked:
            return signs


def _watch(vitals: Vitals, console: Console) -> NoReturn:
    from rich.live import Live

    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(overview(vitals.signs()), refresh=True)
            time.sleep(PERIOD_S)


def well(signs: Signs) -> bool:
    """Whether all nodes that are needed are active, and no fault is latched."""
    return set(signs.nodes.values()) == {'active'} and signs.state not in ('', 'FAULT')


def overview(signs: Signs) -> Table:
    """Return all signs as one table of a few lines."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style='bold')
    grid.add_column()
    nodes = '   '.join(f'{name} {_coloured(state)}' for name, state in signs.nodes.items())
    grid.add_row('nodes', nodes)
    grid.add_row('flow', _flow(signs.streams))
    grid.add_row('plan', _plan(signs))
    safety = _coloured(signs.state) if signs.state else '[red]nothing heard[/]'
    counts = f'{signs.clamped} clamped, {signs.refused} refused, {signs.held} held'
    grid.add_row('safety', f'{safety}   {counts}   {_escaped(signs.message)}')
    level, node, words = signs.said
    said = f'[{_LEVELS.get(level, "default")}]{level}[/] {node}: {_escaped(words)}'
    grid.add_row('log', said if level else '-')
    return grid


def _flow(streams: tuple[Stream, ...]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    table.add_column('')
    for title in ('Hz', 'age', 'median delay'):
        table.add_column(title, justify='right')
    table.add_column('', style='dim')
    for stream in streams:
        delay = '-' if math.isnan(stream.latency_s) else f'{1000 * stream.latency_s:.0f} ms'
        table.add_row(
            stream.name,
            f'{stream.rate_hz:.1f}',
            _age(stream.age_s),
            delay,
            stream.latency_of,
        )
    return table


def _plan(signs: Signs) -> str:
    if not signs.costs:
        return 'none yet'
    surprise = '' if math.isnan(signs.surprise) else f', surprise {signs.surprise:.1f}'
    return (
        f'step {signs.step}: distance {signs.costs[-1]:.3f}, expects {signs.expected:.3f}'
        f'{surprise}   {trend(signs.costs)}'
    )


def trend(costs: tuple[float, ...]) -> str:
    """Return a bar for each cost, the highest full; what is not finite is a gap."""
    finite = [cost for cost in costs if math.isfinite(cost)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    last, span = len(BARS) - 1, high - low
    return ''.join(
        (BARS[round(last * (cost - low) / span)] if span > 0 else BARS[0])
        if math.isfinite(cost)
        else ' '
        for cost in costs
    )


def plain(signs: Signs) -> dict[str, Any]:
    """Return the signs as JSON takes them: what is not finite is null."""

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: known(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [known(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    result: dict[str, Any] = known(dataclasses.asdict(signs))
    return result


def _age(age_s: float) -> str:
    if math.isinf(age_s):
        return 'never'
    return f'{1000 * age_s:.0f} ms' if age_s < 1 else f'{age_s:.0f} s'


def _coloured(state: str) -> str:
    return f'[{_STATES.get(state, "yellow")}]{state}[/]'


def _escaped(words: str) -> str:
    from rich.markup import escape

    return escape(words)
