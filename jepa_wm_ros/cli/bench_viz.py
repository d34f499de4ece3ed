"""`jepa-wm bench viz`: what looking at a running graph costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.table import Table

    from jepa_wm_ros.cli.cell import Steps

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_START_S = 90.0


class VizBenchError(JepaWmError):
    """The page does not come up."""


def add_viz_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'viz',
        help='processor time of visualizer and page while the arm moves',
        description='Starts the simulated cell with the visualizer and `jepa-wm view`, listens to '
        'every topic as RViz does, connects to the page as a browser does, has the arm pursue a '
        'goal, and measures the processor time of each process.',
    )
    parser.add_argument('--seconds', type=float, default=20.0, help='default: 20')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; prints a table and writes the figures."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.cell import Steps
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.records import write_json

    console = Console()
    model, _ = chosen_bundle(None)
    folder = run_folder('bench-viz', None, 10)
    shares = measure(model, folder, args.seconds, Steps(console))
    console.print(shares_table(shares, args.seconds))
    if args.json is not None:
        write_json(args.json, {'seconds': args.seconds, 'share_of_a_core': shares})
        console.print(f'  {args.json}', soft_wrap=True, highlight=False)
    return 0


def measure(model: Path, folder: Path, seconds: float, steps: Steps) -> dict[str, float]:
    """Return the share of a core of each process, by name.

    Args:
        model: Bundle of the policy.
        folder: For logs.
        seconds: How long to measure [s].
        steps: Tells how it goes.
    """
    from dataclasses import replace

    from jepa_wm_ros.cli.cell import PATIENCE
    from jepa_wm_ros.ros.bringup import cell, visualizer_process
    from jepa_wm_ros.ros.client import GraphClient
    from jepa_wm_ros.ros.display_load import listen_as_rviz, wandering
    from jepa_wm_ros.ros.processes import Bringup

    bundle = {'model': str(model)}
    parts = cell({'encoder': bundle, 'planner': bundle, 'action_publisher': PATIENCE})
    display = replace(visualizer_process(), environment=dict(parts[0].environment))
    with Bringup((*parts, display), folder / 'logs') as system:
        system.wait_until_active(_START_S)
        steps.done('all nodes are active')
        with (
            GraphClient(domain_id=system.domain_id, watch=system.check) as client,
            _page(system.domain_id) as (page, port),
            _visitor(port),
        ):
            client.wait_until_ready(_START_S)
            listen_as_rviz(client.node)
            with wandering(client):
                steps.done('the arm moves')
                return _shares(system.process_ids | {'view': page}, seconds)


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


def shares_table(shares: dict[str, float], seconds: float) -> Table:
    """Return the figures for people."""
    from rich.table import Table

    table = Table(title='processor time while the arm moves', title_justify='left')
    table.add_column('process')
    table.add_column(f'% of a core, over {seconds:g} s', justify='right')
    for name, share in shares.items():
        table.add_row(name, f'{100 * share:.1f}')
    both = shares['visualizer'] + shares['view']
    table.add_row('visualizer and view', f'{100 * both:.1f}', style='bold')
    return table
