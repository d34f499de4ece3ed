"""`jepa-wm calibrate`: find out how the arm moves where the model believes that it moves."""

from __future__ import annotations

import datetime
import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    from jepa_wm_ros.evaluation.moves import MovePairs, ObservedMove
    from jepa_wm_ros.robot.calibration import RotationFit
    from jepa_wm_ros.ros.calibration_file import CalibrationFile, Frames
    from jepa_wm_ros.worldmodel.protocol import WorldModel

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'calibrate',
        help='find the rotation between planned and executed motion, without a board',
        description='Makes small moves through the running action publisher, asks the model what '
        'it would have done to get from picture to picture, and fits the rotation between both. '
        'The file goes into the parameter calibration_file of the action publisher. Exit code 1, '
        'and no file, when the rotation is not known well enough.',
    )
    parser.add_argument('--model', type=Path, help='bundle in use (default: the shipped one)')
    parser.add_argument(
        '--out', type=Path, default=Path('calibration.yaml'), help='default: calibration.yaml'
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--bag', type=Path, help='take the moves from a bag; moves nothing')
    source.add_argument(
        '--cell', action='store_true', help='take them in the simulated cell, without ROS'
    )
    parser.add_argument('--moves', type=int, default=12, metavar='K', help='default: 12')
    parser.add_argument(
        '--reach', type=float, default=0.05, metavar='M', help='from the start [m], default: 0.05'
    )
    parser.add_argument(
        '--speed', type=float, default=0.05, metavar='M/S', help='of the moves, default: 0.05'
    )
    parser.add_argument(
        '--about',
        choices=('z', 'any'),
        default='z',
        help="axes of the rotation: z of the base, as of a camera's yaw (default), or any",
    )
    parser.add_argument('--arm', action='store_true', help='arm the action publisher first')
    parser.add_argument('--namespace', default='', help='of the graph')
    parser.add_argument('--seed', type=int, default=0, help='draws the moves (default: 0)')
    parser.add_argument(
        '--base-yaw',
        type=float,
        default=0.0,
        metavar='DEG',
        help='with --cell: plant this rotation (default: 0)',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate; prints the fit and where the file is. 1 when it is not good enough."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.robot.calibration import LEAST_MOVES, CalibrationLimits, fit_rotation
    from jepa_wm_ros.ros.calibration_file import write_calibration
    from jepa_wm_ros.worldmodel.bundle import check_cartesian, load_bundle

    if args.moves < LEAST_MOVES or not (0.0 < args.reach <= 0.2) or not 0.0 < args.speed <= 0.25:
        raise JepaWmError(
            f'--moves must be {LEAST_MOVES} or more, --reach above 0 and at most 0.2 m, --speed '
            'above 0 and at most 0.25 m/s'
        )
    console = Console()
    model_folder, _ = chosen_bundle(args.model)
    model = load_bundle(model_folder)
    check_cartesian(model.contract, model_folder)
    moves, frames = _moves(args, model, console)
    pairs = _infer(model, moves, args, console)
    fit = fit_rotation(pairs.planned, pairs.executed, args.about)
    console.print(fit_table(fit, pairs.unseen))
    faults = fit.faults(CalibrationLimits())
    if faults:
        console.print('[bold red]nothing is written:[/]', '; '.join(faults), highlight=False)
        return 1
    write_calibration(args.out, _file(fit, pairs, args, model, frames))
    console.print(f'  {args.out}', soft_wrap=True, highlight=False)
    console.print(
        f'use it with: calibration_file:={args.out.absolute()}', soft_wrap=True, highlight=False
    )
    return 0


def fit_table(fit: RotationFit, unseen: int) -> Table:
    """Return the figures of a fit, one row each."""
    from rich.table import Table

    x, y, z = (math.degrees(value) for value in fit.vector)
    axes = f'{z:+.1f} deg about z' if fit.about == 'z' else f'{x:+.1f} {y:+.1f} {z:+.1f} deg'
    left_out = f', {fit.outliers} outliers' if fit.outliers else ''
    left_out += f', {unseen} not seen by the model' if unseen else ''
    table = Table(show_header=False)
    table.add_row('executed = R planned, R', axes)
    table.add_row('expected error', f'{math.degrees(fit.expected_error_rad):.1f} deg')
    table.add_row('moves', f'{fit.moves}{left_out}')
    table.add_row('condition number', f'{fit.condition:.2f}')
    table.add_row(
        'residual',
        f'{1000 * fit.residual_m:.1f} mm (uncorrected {1000 * fit.uncorrected_m:.1f} mm)',
    )
    table.add_row('gain (not applied)', f'{fit.gain:.2f}')
    table.add_row('motion explained', f'{100 * fit.explained:.0f} %')
    return table


def _moves(
    args: argparse.Namespace, model: WorldModel, console: Console
) -> tuple[list[ObservedMove], Frames]:
    """Return the moves, and in which frames they were seen and made."""
    from jepa_wm_ros.robot.description import BASE_FRAME, CAMERA_FRAME
    from jepa_wm_ros.ros.calibration_file import Frames

    if args.bag is not None:
        from jepa_wm_ros.data.readers.base_frame import base_frame
        from jepa_wm_ros.data.readers.camera_frame import camera_frame
        from jepa_wm_ros.evaluation.moves import LEAST_SHARE, bag_moves, longest_move

        longest_m = longest_move(model)
        moves = bag_moves(args.bag, model, LEAST_SHARE * min(args.reach, longest_m), longest_m)
        return moves, Frames(camera=camera_frame(args.bag), base=base_frame(args.bag))
    if args.cell:
        return _cell_moves(args, model), Frames(camera=CAMERA_FRAME, base=BASE_FRAME)
    from jepa_wm_ros.cli.calibrate_live import live_moves

    return live_moves(args, model, console)


def _cell_moves(args: argparse.Namespace, model: WorldModel) -> list[ObservedMove]:
    import numpy as np

    from jepa_wm_ros.evaluation.moves import cell_moves, longest_move, targets
    from jepa_wm_ros.robot.limits import WORKSPACE_CELL
    from jepa_wm_ros.sim.environment import CellEnvironment
    from jepa_wm_ros.sim.turned import TurnedEnvironment

    centre = (WORKSPACE_CELL.lower + WORKSPACE_CELL.upper) / 2
    with closing(CellEnvironment(step_duration_s=model.contract.step_duration_s)) as cell:
        environment = TurnedEnvironment(cell, math.radians(args.base_yaw))
        seen = environment.reset(centre, rng=np.random.default_rng(args.seed))
        at, longest_m = seen.pose.position, longest_move(model)
        positions = targets(at, args.reach, longest_m, args.moves, args.seed)
        return list(cell_moves(model, environment, positions))


def _infer(
    model: WorldModel, moves: list[ObservedMove], args: argparse.Namespace, console: Console
) -> MovePairs:
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.moves import infer

    with progress_bar('what the model would have done', 'moves', console) as bar:
        return infer(model, moves, args.seed, lambda done: bar(done, len(moves)))


def _file(
    fit: RotationFit,
    pairs: MovePairs,
    args: argparse.Namespace,
    model: WorldModel,
    frames: Frames,
) -> CalibrationFile:
    from jepa_wm_ros import __version__
    from jepa_wm_ros.ros.calibration_file import Belonging, CalibrationFile, Provenance

    contract: Any = model.contract
    return CalibrationFile.of(
        fit,
        Belonging(
            bundle=contract.fingerprint,
            bundle_name=contract.name,
            camera=frames.camera,
            base_frame=frames.base,
        ),
        Provenance(
            made=datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
            source=str(args.bag) if args.bag else 'cell' if args.cell else 'live',
            software=f'jepa_wm_ros {__version__}',
        ),
        pairs.planned,
        pairs.executed,
    )
