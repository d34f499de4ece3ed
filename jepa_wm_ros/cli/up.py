"""`jepa-wm up`: bring a system up from its table, watch it, and end it with the arm holding."""

from __future__ import annotations

import shlex
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli.systems import given_arguments, known_system

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from jepa_wm_ros.ros.bringup import ProcessSpec
    from jepa_wm_ros.ros.processes import Bringup
    from jepa_wm_ros.ros.system import System

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DISPLAY = 'rviz'
"""The process that opens a window."""
RECORDER = 'recorder'
"""The process whose last words say what is in the bag."""
_PERIOD_S = 0.2
_KILLED = -9


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'up',
        help='bring up the cell, a real arm or a bag, where `ros2 launch` is missing',
        description='Starts the processes that `ros2 launch jepa_wm_ros SYSTEM.launch.py` starts, '
        'with the same arguments, shows the state of each, and ends them on Ctrl-C: first what '
        'commands the arm, which then holds. Nothing is restarted. Exit code 1 when a process '
        'ended by itself or had to be killed.',
    )
    parser.add_argument(
        'system', metavar='SYSTEM', nargs='?', help='sim, franka, emulated, replay or viz'
    )
    parser.add_argument(
        'arguments', metavar='NAME:=VALUE', nargs='*', help='arguments, as for `ros2 launch`'
    )
    parser.add_argument(
        '-s', '--show-args', action='store_true', help='show the arguments and start nothing'
    )
    parser.add_argument(
        '-p', '--print', action='store_true', help='print the commands and start nothing'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Bring a system up until Ctrl-C; 1 when a process failed."""
    from rich.console import Console

    from jepa_wm_ros.ros.environment import check_display

    console = Console()
    system = known_system(args.system)
    if args.show_args:
        console.print(_arguments_table(system))
        return 0
    values = system.complete(given_arguments(args.arguments))
    processes = system.processes(values)
    if args.print:
        for process in processes:
            print(command_line(process, values['namespace']))
        return 0
    for process in processes:
        if process.name == DISPLAY:
            check_display(process.command[0])
    return _bring_up(system, processes, values['namespace'], console)


def command_line(process: ProcessSpec, namespace: str) -> str:
    """Return what starts a process in a shell, with its environment."""
    words = process.command or ('ros2', 'run', 'jepa_wm_ros', process.name)
    words = words if process.command else (*words, *process.arguments(namespace))
    settings = [f'{name}={shlex.quote(value)}' for name, value in process.environment.items()]
    return ' '.join([*settings, shlex.join(words)])


def _arguments_table(system: System) -> Any:
    from rich.table import Table

    table = Table('argument', 'default', 'meaning', title=system.title, title_justify='left')
    for argument in system.arguments:
        text = argument.description
        if argument.choices:
            text += ' One of: ' + ', '.join(choice or "''" for choice in argument.choices) + '.'
        table.add_row(argument.name, argument.default or "''", text)
    return table


def _bring_up(
    system: System, processes: Sequence[ProcessSpec], namespace: str, console: Console
) -> int:
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.ros.processes import Bringup

    logs = run_folder(f'up-{system.name}', None) / 'logs'
    bringup = Bringup(processes, logs, namespace=namespace, shared=True)
    with _orderly_signals():
        try:
            bringup.start()
            failed = _watch(bringup, processes, namespace, logs, console)
        except KeyboardInterrupt:
            failed = []
            console.print('ending: the arm holds')
        finally:
            killed = _end(bringup, console)
    return 1 if failed or killed else 0


def _watch(
    bringup: Bringup,
    processes: Sequence[ProcessSpec],
    namespace: str,
    logs: Path,
    console: Console,
) -> list[str]:
    """Show the states until Ctrl-C, or until a process that is needed ends; return which."""
    from jepa_wm_ros.cli.status import StatusDisplay
    from jepa_wm_ros.ros.states import StateWatch

    nodes = [node for process in processes for node in process.nodes]
    note = f'DDS domain {bringup.domain_id}, logs in {logs}; Ctrl-C ends it'
    with (
        StatusDisplay(processes, bringup, note, console) as display,
        StateWatch(nodes, bringup.domain_id, namespace) as states,
    ):
        while True:
            ended = bringup.ended()
            display.show(states.look(), ended)
            failed = [p.name for p in processes if p.name in ended and not p.optional]
            if failed:
                break
            time.sleep(_PERIOD_S)
    for name in failed:
        console.print(f'[bold red]{name} has ended; its log says:[/]')
        console.print(bringup.tail(name, 12), markup=False, highlight=False, soft_wrap=True)
    console.print('ending the others: the arm holds')
    return failed


def _end(bringup: Bringup, console: Console) -> list[str]:
    """End everything; return the names of those that had to be killed."""

    def still_ending(*_: Any) -> None:
        console.print('still ending; whoever does not end in time is killed, which is told here')

    signal.signal(signal.SIGINT, still_ending)
    signal.signal(signal.SIGTERM, still_ending)
    codes = bringup.stop(tell=lambda words: console.print(f'[yellow]{words}[/]'))
    killed = [name for name, code in codes.items() if code == _KILLED]
    console.print(f'{len(codes)} processes have ended')
    if RECORDER in codes:
        words = bringup.tail(RECORDER, 1)
        console.print(f'{RECORDER}: {words}', markup=False, highlight=False, soft_wrap=True)
    return killed


@contextmanager
def _orderly_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal do what Ctrl-C does; afterwards all is as it was."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
