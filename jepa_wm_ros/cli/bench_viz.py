"""`jepa-wm bench viz`: what looking at a running graph costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.table import Table

    from jepa_wm_ros.cli.cell import Steps
    from jepa_wm_ros.ros.client import GraphClient
    from jepa_wm_ros.ros.display_load import Regularity

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_START_S = 90.0
_SETTLE_S = 3.0


class VizBenchError(JepaWmError):
    """The page does not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VizFigures:
    """What looking on costs.

    Attributes:
        seconds: How long each part took [s].
        load: Processes that did nothing but plan meanwhile.
        share_of_a_core: Processor time of each process while all displays were on.
        unseen: Regularity of the commands while nobody looked.
        displayed: The same in the same graph with all displays.
    """

    seconds: float
    load: int
    share_of_a_core: dict[str, float]
    unseen: Regularity
    displayed: Regularity


def add_viz_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'viz',
        help='what visualizer and page cost while the arm moves: processor time, jitter',
        description='Starts the simulated cell with the visualizer, has the arm pursue a goal, '
        'and looks at the times at which set-points were sent: first while nobody looks, then in '
        'the same graph while every topic of the RViz file is listened to and `jepa-wm view` has '
        'a visitor. Of the second part, the processor time of each process is measured, too.',
    )
    parser.add_argument('--seconds', type=float, default=20.0, help='of each part (default: 20)')
    parser.add_argument(
        '--load', type=int, default=0, help='processes that plan beside the graph (default: 0)'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; prints two tables and writes the figures."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.cell import Steps
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.records import write_json

    console = Console()
    model, _ = chosen_bundle(None)
    folder = run_folder('bench-viz', None, 10)
    figures = measure(model, folder, args.seconds, args.load, Steps(console))
    console.print(shares_table(figures))
    console.print(jitter_table(figures))
    if args.json is not None:
        write_json(args.json, asdict(figures))
        console.print(f'  {args.json}', soft_wrap=True, highlight=False)
    return 0


def measure(model: Path, folder: Path, seconds: float, load: int, steps: Steps) -> VizFigures:
    """Measure a graph without and with displays.

    Args:
        model: Bundle of the policy.
        folder: For logs.
        seconds: How long to measure each [s].
        load: Processes that plan beside the graph.
        steps: Tells how it goes.

    Raises:
        VizBenchError: The page does not come up.
        LoadError: The arm hardly moves.
    """
    from jepa_wm_ros.cli.cell import PATIENCE
    from jepa_wm_ros.ros.bringup import cell, visualizer_process
    from jepa_wm_ros.ros.client import GraphClient
    from jepa_wm_ros.ros.display_load import CommandLog, Regularity, wandering
    from jepa_wm_ros.ros.faults.jitter import planning
    from jepa_wm_ros.ros.processes import Bringup

    bundle = {'model': str(model)}
    parts = cell({'encoder': bundle, 'planner': bundle, 'action_publisher': PATIENCE})
    display = replace(visualizer_process(), environment=dict(parts[0].environment))
    with Bringup((*parts, display), folder / 'logs') as system, planning(load, str(model)):
        system.wait_until_active(_START_S)
        steps.done('all nodes are active')
        with GraphClient(domain_id=system.domain_id, watch=system.check) as client:
            client.wait_until_ready(_START_S)
            commands = CommandLog(client.node)
            with wandering(client):
                time.sleep(_SETTLE_S)
                commands.take()
                time.sleep(seconds)
                unseen = Regularity.of(commands.take())
                steps.done('measured while nobody looked')
                with _displays(client, system.domain_id) as page:
                    commands.take()
                    shares = _shares(system.process_ids | {'view': page}, seconds)
                    displayed = Regularity.of(commands.take())
    return VizFigures(
        seconds=seconds, load=load, share_of_a_core=shares, unseen=unseen, displayed=displayed
    )


@contextmanager
def _displays(client: GraphClient, domain_id: int) -> Iterator[int]:
    """Look at everything, as RViz and a browser do; yields the process id of the page."""
    from jepa_wm_ros.ros.display_load import listen_as_rviz

    with _page(domain_id) as (page, port), _visitor(port):
        listen_as_rviz(client.node)
        time.sleep(_SETTLE_S)
        yield page


def _shares(processes: dict[str, int], seconds: float) -> dict[str, float]:
    before = {name: _cpu_s(process) for name, process in processes.items()}
    began = time.perf_counter()
    time.sleep(seconds)
    elapsed = time.perf_counter() - began
    return {name: (_cpu_s(pid) - before[name]) / elapsed for name, pid in processes.items()}


def _cpu_s(process: int) -> float:
    """Return the processor time of a process so far [s]."""
    fields = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextmanager
def _page(domain_id: int) -> Iterator[tuple[int, int]]:
    """Run `jepa-wm view`; yields its process id and port."""
    command = [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'view', '--port', '0']
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain_id), 'PYTHONUNBUFFERED': '1'}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r'http://localhost:(\d+)/', process.stdout.readline())
        if found is None:
            raise VizBenchError('`jepa-wm view` has ended before its page was up; try it alone')
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait(10.0)


@contextmanager
def _visitor(port: int) -> Iterator[None]:
    """Stay connected to the page as a browser does, and take all it sends."""
    import viser
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    protocol = Subprotocol(f'viser-v{viser.__version__}')
    address = f'ws://localhost:{port}/'
    with connect(address, subprotocols=[protocol], max_size=None, proxy=None) as socket:

        def take() -> None:
            try:
                for _ in socket:
                    pass
            except ConnectionClosed:
                return

        threading.Thread(target=take, daemon=True).start()
        yield


def shares_table(figures: VizFigures) -> Table:
    """Return processor times for people."""
    from rich.table import Table

    table = Table(title='processor time while the arm moves', title_justify='left')
    table.add_column('process')
    table.add_column(f'% of a core, over {figures.seconds:g} s', justify='right')
    shares = figures.share_of_a_core
    for name, share in shares.items():
        table.add_row(name, f'{100 * share:.1f}')
    both = shares['visualizer'] + shares['view']
    table.add_row('visualizer and view', f'{100 * both:.1f}', style='bold')
    return table


def jitter_table(figures: VizFigures) -> Table:
    """Return the regularity of the commands for people."""
    from rich.table import Table

    table = Table(title='set-points off their period of 10 ms', title_justify='left')
    table.add_column('')
    for name in ('median, ms', '99 %, ms', 'worst, ms', 'intervals'):
        table.add_column(name, justify='right')
    for name, seen in (('nobody looks', figures.unseen), ('all displays', figures.displayed)):
        times = (f'{1000 * value:.2f}' for value in (seen.p50_s, seen.p99_s, seen.longest_s))
        table.add_row(name, *times, str(seen.intervals))
    table.caption = f'{figures.load} planning processes beside the graph'
    return table
