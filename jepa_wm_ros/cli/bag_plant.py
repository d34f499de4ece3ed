"""`jepa-wm bag plant`: bags whose actions are known, to try evaluations with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'plant',
        help='write a bag of the simulated cell whose actions are known',
        description='Plays random actions in the simulated cell. What `jepa-wm bag eval` says of '
        'such a bag can be checked against the truth.',
    )
    parser.add_argument('--out', type=Path, required=True, help='folder of the bag')
    parser.add_argument('--steps', type=int, default=90, help='actions (default: 90)')
    parser.add_argument('--seed', type=int, default=0, help='of the actions (default: 0)')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(320, 180),
        metavar=('W', 'H'),
        help='of the pictures [px] (default: 320 180)',
    )
    parser.add_argument(
        '--shuffle', action='store_true', help='put the pictures in another order than the motion'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the bag; prints where it is and how large."""
    from contextlib import closing

    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.bags.planted import PlantSettings, plant
    from jepa_wm_ros.sim.camera import CameraSettings
    from jepa_wm_ros.sim.environment import CellEnvironment
    from jepa_wm_ros.worldmodel.bundle import read_contract

    settings = PlantSettings(steps=args.steps, seed=args.seed, shuffled=args.shuffle)
    step_s = read_contract(chosen_bundle(None)[0]).step_duration_s
    camera = CameraSettings(width=args.size[0], height=args.size[1])
    console = Console()
    with (
        closing(CellEnvironment(step_duration_s=step_s, camera=camera)) as cell,
        progress_bar('planting', 'pictures', console) as bar,
    ):
        plant(args.out, cell, settings, step_s, bar)
    size = sum(path.stat().st_size for path in args.out.iterdir())
    console.print(f'{args.out}: {size / 1e6:.1f} MB', soft_wrap=True, highlight=False)
    return 0
