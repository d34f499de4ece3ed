"""`jepa-wm bag play`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.nodes.player import Selection

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'play',
        help='publish the messages of a bag, and its time on /clock',
        description='Publishes what a bag holds, byte by byte, where `ros2 bag play` is missing. '
        'Nodes with use_sim_time follow /clock. In a terminal, the space bar pauses. Topics that '
        'could move something are left out, and nothing is played beside living publishers of '
        'the same topics.',
    )
    parser.add_argument('bag', type=Path, help='bag folder, .mcap or .db3')
    parser.add_argument('topics', nargs='*', metavar='TOPIC', help='default: all; * and ? work')
    parser.add_argument(
        '--exclude', nargs='+', default=[], metavar='TOPIC', help='leave these out'
    )
    parser.add_argument('--rate', type=float, default=1.0, help='of time (default: 1)')
    parser.add_argument('--loop', action='store_true', help='begin anew at the end')
    parser.add_argument('--start', type=float, default=0.0, metavar='S', help='begin here [s]')
    parser.add_argument('--end', type=float, metavar='S', help='end here [s]')
    parser.add_argument(
        '--clock',
        type=float,
        default=100.0,
        metavar='HZ',
        help='of /clock; 0: none (default: 100)',
    )
    parser.add_argument('--paused', action='store_true', help='begin with a pause')
    parser.add_argument(
        '--remap', nargs='+', default=[], metavar='OLD:=NEW', help='publish under other names'
    )
    parser.add_argument(
        '--commands',
        action='store_true',
        help='play topics, too, that could move something: targets, trajectories, actions, …',
    )
    parser.add_argument(
        '--leave-out-rivals',
        action='store_true',
        help='leave out topics that somebody else publishes, instead of ending',
    )
    parser.add_argument(
        '--delay',
        type=float,
        default=1.0,
        metavar='S',
        help='time for others to find the publishers (default: 1)',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play; exit code 1 when some topic could not be played."""
    from rich.console import Console

    from jepa_wm_ros.cli.eval import OptionError
    from jepa_wm_ros.nodes.player import PlaySettings
    from jepa_wm_ros.nodes.playing import KEYS, play

    if not 0.0 <= args.delay < math.inf:
        raise OptionError(f'--delay must be seconds, at least 0; got {args.delay:g}')
    settings = PlaySettings(
        topics=tuple(args.topics),
        exclude=tuple(args.exclude),
        remap=_remap(args.remap),
        rate=args.rate,
        loop=args.loop,
        start_s=args.start,
        end_s=args.end,
        clock_hz=args.clock,
        paused=args.paused,
        commands=args.commands,
        leave_out_rivals=args.leave_out_rivals,
    )
    console = Console()
    if console.is_terminal:
        console.print(KEYS)
    played = play(args.bag, settings, args.delay, lambda chosen: _tell(chosen, console))
    for topic, nodes in played.selection.rivals.items():
        who = ', '.join(nodes)
        console.print(f'{topic}: left out: {who} publishes it', markup=False, soft_wrap=True)
    for topic, reason in played.refused.items():
        console.print(f'{topic}: not played: {reason}', markup=False, soft_wrap=True)
    latched = f', and {played.latched} latched ones from before' if played.latched else ''
    console.print(f'{played.count} messages{latched}')
    return 1 if played.refused else 0


def _tell(chosen: Selection, console: Console) -> None:
    """Say what is left out, and why, before anything is played."""
    if not chosen.held:
        return
    console.print('left out, since they could move something (--commands plays them):')
    for topic, kind in sorted(chosen.held.items()):
        console.print(f'  {topic} ({kind})', markup=False, highlight=False, soft_wrap=True)


def _remap(pairs: list[str]) -> dict[str, str]:
    from jepa_wm_ros.cli.eval import OptionError

    names = {}
    for pair in pairs:
        old, separator, new = pair.partition(':=')
        if not (old and separator and new):
            raise OptionError(f'--remap takes OLD:=NEW, for example /image:=/camera; got {pair!r}')
        if old in names:
            raise OptionError(f'--remap names {old} twice; only one of them would count')
        names[old] = new
    return names
