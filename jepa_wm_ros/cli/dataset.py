"""`jepa-wm dataset`: build a dataset of recordings, look into one, make bags of recordings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.cli import dataset_export
from jepa_wm_ros.cli.bundles import SHIPPED
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from jepa_wm_ros.data.assembly import EpisodeSettings
    from jepa_wm_ros.worldmodel.contract import Contract

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


class DatasetArgumentError(JepaWmError):
    """Arguments that do not fit together."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-commands and their arguments."""
    parser = subparsers.add_parser(
        'dataset', help='make a dataset of recordings, look into one, or make bags of recordings'
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_build(commands)
    look = commands.add_parser('inspect', help='show what is in a dataset, with a picture sheet')
    look.add_argument('file', type=Path, help='HDF5 file')
    look.add_argument('--sheet', type=Path, help='PNG to write (default: <file>.png)')
    look.set_defaults(run=inspect)
    dataset_export.add_parser(commands)


def _add_build(commands: Subparsers) -> None:
    parser = commands.add_parser(
        'build',
        help='make a dataset of bags, DROID or LeRobot episodes, or HDF5 files',
        description='Reads recordings, takes frames one step apart by their time stamps, computes '
        'the actions between them, and writes one HDF5 file. A recording that is broken costs '
        'itself and nothing else. Interrupted, the same command goes on.',
    )
    parser.add_argument(
        'sources',
        type=Path,
        nargs='+',
        metavar='SOURCE',
        help='rosbag2, folder of bags, DROID folder, LeRobot dataset or HDF5 file',
    )
    parser.add_argument('--out', type=Path, required=True, help='HDF5 file to write')
    parser.add_argument(
        '--for',
        dest='model',
        type=Path,
        metavar='PATH',
        help='recipe file or model folder that says picture size, step and bounds '
        f'(default: the shipped model {SHIPPED})',
    )
    parser.add_argument('--step-duration', type=float, metavar='S', help='length of a step [s]')
    parser.add_argument(
        '--size', type=int, nargs=2, metavar=('W', 'H'), help='size of the pictures [px]'
    )
    parser.add_argument(
        '--proprio',
        nargs='+',
        metavar='FIELD',
        help="numbers of the robot's state to keep, of x y z roll pitch yaw gripper (default: all "
        'that the first source has); sources with fewer need it',
    )
    parser.add_argument('--camera', default='', help='camera, as the source or the mapping has it')
    parser.add_argument('--mapping', type=Path, help='YAML file: which topics of a bag are what')
    parser.add_argument(
        '--max-gap',
        type=float,
        default=0.25,
        metavar='S',
        help='longest time without a picture or robot state that is bridged [s] (default: 0.25)',
    )
    parser.add_argument(
        '--nominal-fps',
        type=float,
        metavar='FPS',
        help='do as the published DROID checkpoints were trained: take every '
        'ceil(frames per second of the video header / FPS)-th picture and ignore time stamps; '
        'with raw DROID and 4, a step lasts 1 s and not 0.25 s',
    )
    parser.add_argument(
        '--least-steps', type=int, default=1, help='drop shorter episodes (default: 1)'
    )
    parser.add_argument(
        '--most-steps', type=int, default=1000, help='cut longer episodes (default: 1000)'
    )
    parser.set_defaults(run=build)


def build(args: argparse.Namespace) -> int:
    """Build; prints the audit."""
    from rich.console import Console

    from jepa_wm_ros.cli.dataset_tables import show_audit
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.data.audit import audit_path
    from jepa_wm_ros.data.build import Builder
    from jepa_wm_ros.data.readers.detection import find_source
    from jepa_wm_ros.data.readers.mapping import read_mapping

    contract = _contract(args.model)
    settings = _settings(args, contract)
    mapping = read_mapping(args.mapping)
    gap_s = settings.stepping.max_gap_s
    sources = [(str(p), find_source(p, mapping, args.camera, gap_s)) for p in args.sources]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    bounds = (contract.action.lower, contract.action.upper)
    builder = Builder(sources, args.out, settings, bounds)
    console = Console()
    with progress_bar('building', 'recordings', console) as bar:
        try:
            audit = builder.run(bar)
        except KeyboardInterrupt:
            console.print('interrupted; the same command goes on where it was')
            raise
    show_audit(audit, console)
    if audit.steps.episodes == 0:
        console.print(f'no recording gave an episode; audit: {audit_path(args.out)}')
        return 1
    console.print(f'{args.out}; audit: {audit_path(args.out)}', soft_wrap=True)
    return 0


def inspect(args: argparse.Namespace) -> int:
    """Show what a dataset holds, and write a picture sheet."""
    from rich.console import Console

    from jepa_wm_ros.cli.dataset_tables import show_sources, show_steps
    from jepa_wm_ros.data.inspection import look_into, write_sheet

    console = Console()
    inspection = look_into(args.file)
    show_steps(inspection.steps, console)
    if inspection.sources is not None:
        show_sources(inspection.sources, console)
    sheet = args.sheet or args.file.with_name(args.file.name + '.png')
    write_sheet(args.file, sheet)
    console.print(f'picture sheet: {sheet}', soft_wrap=True)
    return 0


def _contract(path: Path | None) -> Contract:
    from jepa_wm_ros import paths
    from jepa_wm_ros.training.recipe import read_recipe
    from jepa_wm_ros.worldmodel.bundle import load_contract

    if path is None:
        return load_contract(paths.share('models', SHIPPED))
    return load_contract(path) if path.is_dir() else read_recipe(path).model


def _settings(args: argparse.Namespace, contract: Contract) -> EpisodeSettings:
    """Settings of the contract, with what the arguments change."""
    from jepa_wm_ros.data.assembly import EpisodeSettings
    from jepa_wm_ros.data.resampling import PROPRIO_FIELDS, SteppingSettings

    camera = contract.camera
    # a row of the dataset is one control; the model's step may be several
    own_s = contract.step_duration_s / contract.action.frame_skip
    try:
        if args.size:
            camera = dataclasses.replace(camera, width=args.size[0], height=args.size[1])
        stepping = SteppingSettings(
            step_duration_s=own_s if args.step_duration is None else args.step_duration,
            max_gap_s=args.max_gap,
            nominal_fps=args.nominal_fps,
        )
        return EpisodeSettings(
            stepping=stepping,
            camera=camera,
            action_fields=contract.action.fields,
            proprio_fields=tuple(args.proprio or PROPRIO_FIELDS),
            least_steps=args.least_steps,
            most_steps=args.most_steps,
        )
    except ValueError as error:
        raise DatasetArgumentError(str(error)) from error
