"""`jepa-wm bag record` and `recover`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add `record` and `recover` with their arguments."""
    _add_record(subparsers)
    parser = subparsers.add_parser(
        'recover', help='make a whole bag of one whose recorder was killed'
    )
    parser.add_argument('bag', type=Path, help='MCAP file, or folder with one')
    parser.add_argument('--out', type=Path, help='new bag (default: <bag>_recovered)')
    parser.set_defaults(run=recover)


def _add_record(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        'record',
        help='record topics into an MCAP bag',
        description='Records until Ctrl-C, or for --duration. Messages are not decoded, and are '
        'safe on the disk within half a second; at the end, counts and rates are shown.',
    )
    parser.add_argument(
        'topics', nargs='*', metavar='TOPIC', help='with * and ? for any (default: all topics)'
    )
    parser.add_argument('--out', type=Path, help='folder of the bag (default: bags/<time>)')
    parser.add_argument(
        '--exclude', nargs='+', default=[], metavar='TOPIC', help='leave these out'
    )
    parser.add_argument('--duration', type=float, metavar='S', help='how long [s]')
    parser.add_argument(
        '--model', type=Path, metavar='BUNDLE', help='in use (default: the shipped one)'
    )
    parser.add_argument(
        '--goal', type=Path, action='append', default=[], metavar='PICTURE', help='keep with it'
    )
    parser.add_argument(
        '--compression', choices=('zstd', 'lz4', 'none'), default='zstd', help='default: zstd'
    )
    parser.add_argument('--use-sim-time', action='store_true', help='stamp with /clock')
    parser.set_defaults(run=record)


def record(args: argparse.Namespace) -> int:
    """Record; prints the audit. Exit code 1 when something asked for is silent or missing."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.errors import JepaWmError
    from jepa_wm_ros.nodes import recording
    from jepa_wm_ros.nodes.recorder import RecordSettings
    from jepa_wm_ros.worldmodel.bundle import CONTRACT_FILE

    if args.duration is not None and not args.duration > 0.0:
        raise JepaWmError(f'--duration must be seconds above 0, got {args.duration:g}')
    unreadable = [str(path) for path in args.goal if not path.is_file()]
    if unreadable:
        raise JepaWmError(f'--goal: {", ".join(unreadable)} is missing; give PNG or JPEG files')
    model, bundle = chosen_bundle(args.model)
    console = Console()
    folder = args.out or _fresh()
    console.print(f'recording into {folder}; Ctrl-C ends it', soft_wrap=True)
    done = recording.record(
        folder,
        RecordSettings(topics=tuple(args.topics), exclude=tuple(args.exclude)),
        recording.Provenance(
            bundle=bundle, contract=model / CONTRACT_FILE, goals=tuple(args.goal)
        ),
        duration_s=args.duration,
        compression=args.compression,
        use_sim_time=args.use_sim_time,
    )
    _show(done.audit, console)
    for topic in done.missing:
        console.print(f'{topic}: nobody published it', markup=False)
    for topic, reason in done.refused.items():
        console.print(f'{topic}: not recorded: {reason}', markup=False)
    console.print(_summary(done.folder, done.audit), soft_wrap=True, highlight=False)
    silent = [row for row in done.audit if not row['count']]
    troubled = done.missing or done.refused or (args.topics and silent)
    return 1 if troubled or len(silent) == len(done.audit) else 0


def recover(args: argparse.Namespace) -> int:
    """Recover; prints what was saved."""
    from rich.console import Console

    from jepa_wm_ros.data.writing.recovery import recover as rescue

    console = Console()
    out = args.out or args.bag.with_name(f'{args.bag.stem}_recovered')
    saved = rescue(args.bag, out)
    _show(saved.audit, console)
    reason = saved.broken or 'nothing: the bag was whole'
    console.print(f'{saved.messages} messages saved; what was broken: {reason}', markup=False)
    console.print(f'  {out}', soft_wrap=True, highlight=False)
    return 0


def _fresh() -> Path:
    import datetime

    return Path('bags') / datetime.datetime.now().strftime('%Y%m%d-%H%M%S')


def _summary(folder: Path, audit: list[dict[str, Any]]) -> str:
    """Return in one line what is in a bag, and what stayed silent."""
    heard = [row for row in audit if row['count']]
    silent = [row['topic'] for row in audit if not row['count']]
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    messages = sum(row['count'] for row in heard)
    words = f'{folder}: {messages} messages on {len(heard)} topics, {size:.1f} MB'
    return f'{words}; silent: {", ".join(sorted(silent))}' if silent else words


def _show(audit: list[dict[str, Any]], console: Console) -> None:
    """Print counts and rates of topics; silent ones in red."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ('topic', 'type'):
        table.add_column(name, overflow='fold')
    for name in ('messages', 'Hz', 'longest gap, s'):
        table.add_column(name, justify='right', no_wrap=True)
    for row in sorted(audit, key=lambda row: str(row['topic'])):
        rate = f'{row["rate_hz"]:.1f}' if row['rate_hz'] else '-'
        gap = f'{row["longest_gap_s"]:.2f}' if row['count'] > 1 else '-'
        style = None if row['count'] else 'red'
        table.add_row(row['topic'], row['type'], str(row['count']), rate, gap, style=style)
    console.print(table)
