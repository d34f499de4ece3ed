"""`jepa-wm dataset export`: bags of any recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.data.export import ExportSettings
    from jepa_wm_ros.data.recordings import Source

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_MAX_GAP_S = 0.25
"""Longest time without a robot state that is bridged, as elsewhere [s]."""


def add_parser(commands: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = commands.add_parser(
        'export',
        help='make bags of DROID or LeRobot episodes, HDF5 files, or bags of another kind',
        description='Writes each recording as an MCAP bag, in topics that `jepa-wm bag eval` and '
        '`jepa-wm dataset build` read: pictures, the pose of the flange, the gripper. Bags that '
        'are there already are left alone, so that an interrupted export goes on.',
    )
    parser.add_argument(
        'source', type=Path, help='DROID folder, LeRobot dataset, HDF5 file, or bags'
    )
    parser.add_argument('--to', choices=('mcap',), default='mcap', help='the only kind: mcap')
    parser.add_argument('--out', type=Path, required=True, help='folder of the bags')
    parser.add_argument(
        '--pictures',
        choices=('raw', 'png', 'jpeg'),
        default='raw',
        help='as sensor_msgs/Image (default), or compressed without or with loss',
    )
    parser.add_argument('--camera', default='', help='camera, as the source or the mapping has it')
    parser.add_argument('--mapping', type=Path, help='YAML file: which topics of a bag are what')
    parser.add_argument(
        '--step-duration',
        type=float,
        metavar='S',
        help='length of a step, for HDF5 files that do not say it [s]',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export; prints a line for what was dropped. Exit code 1 when there is not a single bag."""
    from rich.console import Console

    from jepa_wm_ros.data.export import ExportSettings
    from jepa_wm_ros.data.readers.detection import find_source
    from jepa_wm_ros.data.readers.mapping import read_mapping

    settings = ExportSettings(pictures=args.pictures, step_duration_s=args.step_duration)
    source = find_source(args.source, read_mapping(args.mapping), args.camera, _MAX_GAP_S)
    return 0 if _export(source, args.source, args.out, settings, Console()) else 1


def _export(
    source: Source, path: Path, out: Path, settings: ExportSettings, console: Console
) -> int:
    """Return how many bags there are in the end."""
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.data.export import export

    total, bags = len(source.names()), 0
    with progress_bar('exporting', 'recordings', console) as bar:
        bar(0, total)
        for number, result in enumerate(export(source, out, settings, str(path)), 1):
            bags += result.folder is not None
            bar(number, total, note=result.recording)
            if result.reason:
                what = 'dropped' if result.folder is None else 'note:'
                console.print(
                    f'{what} {result.recording}: {result.reason}', soft_wrap=True, markup=False
                )
    console.print(f'{bags} of {total} recordings: {out}', soft_wrap=True, markup=False)
    return bags
