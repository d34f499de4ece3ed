"""`jepa-wm eval`: how well a model does."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli.bundles import chosen_bundle
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.evaluation.episodes import EpisodeSettings
    from jepa_wm_ros.evaluation.players import Player
    from jepa_wm_ros.evaluation.report import Report

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


class OptionError(JepaWmError):
    """An option on the command line cannot be understood."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('eval', help='measure how well a model does')
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='KIND')
    loop = kinds.add_parser(
        'closed-loop',
        help='success of reaching goal pictures in the simulated cell',
        description='Plays episodes in the simulated cell and writes summary.json, episodes.csv, '
        'episodes.json and plot.png. Success is judged at the last step of an episode.',
    )
    loop.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    loop.add_argument('--episodes', type=int, help='default: 200; through ROS: 20')
    loop.add_argument('--seed', type=int, default=5000, help='draws the episodes (default: 5000)')
    loop.add_argument('--steps', type=int, default=25, help='in each episode (default: 25)')
    loop.add_argument(
        '--planner', default='cem', metavar='SOLVER', help='default: cem; see docs/planning.md'
    )
    loop.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        dest='changes',
        help='planning setting to change, e.g. samples=256; repeatable',
    )
    loop.add_argument(
        '--variation',
        choices=('none', 'seen', 'unseen'),
        default='none',
        help='light, textures, camera pose and exposure (default: none)',
    )
    loop.add_argument(
        '--goal-appearance',
        choices=('same', 'other'),
        default='same',
        help='looks of the goal picture, relative to the scene (default: same)',
    )
    loop.add_argument(
        '--through-ros',
        action='store_true',
        help='play the planner through the whole ROS graph, in real time',
    )
    loop.add_argument(
        '--base-yaw',
        type=float,
        default=0.0,
        metavar='DEG',
        help="how far the robot's base frame is turned against the cell's (default: 0)",
    )
    loop.add_argument(
        '--calibration',
        type=Path,
        metavar='FILE',
        help='turn actions as `jepa-wm calibrate` found out',
    )
    loop.add_argument(
        '--driver',
        metavar='NAME',
        help='with --through-ros: an emulated driver moves the arm, such as crisp, franka_ros2 or '
        'servo; see docs/drivers.md',
    )
    loop.add_argument(
        '--robot',
        choices=('fr3', 'panda'),
        default='fr3',
        help='with --driver: names and joint limits; the cell itself is a Panda (default: fr3)',
    )
    loop.add_argument(
        '--gripper',
        default='franka_hand',
        metavar='NAME',
        help='with --driver: which gripper is emulated (default: franka_hand)',
    )
    loop.add_argument(
        '--camera',
        choices=('zed', 'realsense'),
        default='zed',
        help='with --driver: which camera is emulated (default: zed)',
    )
    loop.add_argument('--no-baselines', action='store_true', help='leave out random and nothing')
    loop.add_argument('--workers', type=int, default=1, help='processes (default: 1)')
    loop.add_argument('--threads', type=int, default=1, help='of the model (default: 1)')
    loop.add_argument('--out', type=Path, help='folder (default: runs/eval-<time>)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; prints the figures and where the files are."""
    from rich.console import Console

    console = Console()
    report, players = _prepare(args)
    try:
        if args.through_ros:
            from jepa_wm_ros.cli.eval_ros import play_through_ros

            play_through_ros(players.pop(0), report, console, _drivers(args))
        for player in players:
            _play(player, report, args.workers, console)
    except (KeyboardInterrupt, JepaWmError):
        _finish_early(report, console)
        raise
    _finish(report, console)
    return 0


def parse_changes(pairs: list[str]) -> dict[str, Any]:
    """Read `key=value` pairs; values are written as in YAML.

    Raises:
        OptionError: A pair has no key or no value, or the value is not valid YAML.
    """
    import yaml

    changes = {}
    for pair in pairs:
        key, _, text = pair.partition('=')
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = None
        if not key or value is None:
            raise OptionError(f'--set takes KEY=VALUE, for example samples=256; got {pair!r}')
        changes[key] = tuple(value) if isinstance(value, list) else value
    return changes


def _check_options(args: argparse.Namespace) -> None:
    """Refuse combinations that would quietly measure something else."""
    if args.workers < 1 or args.threads < 1:
        raise OptionError('--workers and --threads must be at least 1')
    if not args.through_ros:
        if args.driver is not None:
            raise OptionError('--driver needs --through-ros')
        return
    if args.variation != 'none':
        raise OptionError('--variation works in lockstep only; leave out --through-ros')
    if args.base_yaw or args.calibration:
        raise OptionError(
            '--base-yaw and --calibration work in lockstep only; leave out --through-ros'
        )
    if args.changes:
        raise OptionError(
            '--set works in lockstep only; with --through-ros the nodes take their settings from '
            'the bundle and config/planner.yaml'
        )


def _prepare(args: argparse.Namespace) -> tuple[Report, list[Player]]:
    """Check everything that can be wrong before the first episode is played."""
    from dataclasses import asdict

    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.players import PLAYERS, Player, override_planning
    from jepa_wm_ros.evaluation.report import Report
    from jepa_wm_ros.worldmodel.bundle import load_contract

    _check_options(args)
    model, name = chosen_bundle(args.model)
    contract = load_contract(model)
    changes = {'solver': args.planner, **parse_changes(args.changes)}
    planning = override_planning(contract.planning, changes)
    report = Report(
        settings=_settings(args),
        folder=run_folder('eval', args.out),
        model=name,
        conditions={
            'through_ros': args.through_ros,
            'drivers': _drivers(args),
            'workers': args.workers,
            'threads': args.threads,
            'step_duration_s': contract.step_duration_s,
            'planning': asdict(planning),
            'base_yaw_deg': args.base_yaw,
            'calibration': str(args.calibration or ''),
        },
    )
    names = PLAYERS[:1] if args.no_baselines else PLAYERS
    frame: dict[str, Any] = {
        'base_yaw_rad': math.radians(args.base_yaw),
        'rotation': _rotation(args, model),
    }
    return report, [
        Player(name=name, model=model, planning=changes, threads=args.threads, **frame)
        for name in names
    ]


def _rotation(args: argparse.Namespace, model: Path) -> tuple[tuple[float, float, float], ...]:
    """Return the rows of the rotation of --calibration; none without it."""
    if args.calibration is None:
        return ()
    from jepa_wm_ros.ros.calibration_file import read_calibration
    from jepa_wm_ros.worldmodel.bundle import load_contract

    found = read_calibration(args.calibration)
    bundle = load_contract(model).fingerprint
    wrong = found.mismatch(bundle=bundle, camera=found.belongs_to.camera)
    if wrong:
        raise OptionError(f'--calibration: {wrong}')
    return found.rotation


def _drivers(args: argparse.Namespace) -> dict[str, str] | None:
    """Return the emulated drivers that were asked for, as arguments of the system."""
    if args.driver is None:
        return None
    return {
        'driver': args.driver,
        'robot_type': args.robot,
        'gripper': args.gripper,
        'camera': args.camera,
    }


def _default(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _settings(args: argparse.Namespace) -> EpisodeSettings:
    from jepa_wm_ros.evaluation.episodes import EpisodeSettings

    return EpisodeSettings(
        episodes=_default(args.episodes, 20 if args.through_ros else 200),
        seed=args.seed,
        steps=args.steps,
        variation=args.variation,
        goal_appearance=args.goal_appearance,
    )


def _play(player: Player, report: Report, workers: int, console: Console) -> None:
    """Play all episodes of one player behind a progress bar."""
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.players import play_parallel

    total, near = report.settings.episodes, 0
    with progress_bar(f'{player.name:8}', 'episodes', console) as bar:
        bar(0, total)
        with closing(play_parallel(player, report.settings, workers)) as records:
            for done, record in enumerate(records, start=1):
                report.add(player.name, record)
                near += record.final_distance_m <= 0.05
                bar(done, total, f'{100 * near / done:.0f} % within 5 cm')


def _finish_early(report: Report, console: Console) -> None:
    """Keep what was played before Ctrl-C or an error."""
    if report.records['planner']:
        console.print('stopped early; what was played is kept, marked "complete": false')
        _finish(report, console)
    elif not any(report.folder.iterdir()):
        report.folder.rmdir()


def _finish(report: Report, console: Console) -> None:
    """Write the files and print the table."""
    from jepa_wm_ros.cli.tables import evaluation_table

    files = report.write()
    console.print(evaluation_table(report.summary()))
    for path in files:
        console.print(f'  {path}', soft_wrap=True, highlight=False)
