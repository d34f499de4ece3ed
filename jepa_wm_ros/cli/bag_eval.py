"""`jepa-wm bag eval`: how good models are by recordings alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli.bundles import SHIPPED, chosen_bundle

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    from jepa_wm_ros.evaluation.bags.report import Report
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.store import Store
    from jepa_wm_ros.training.team import Team

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'eval',
        help='compare what models plan with what was done in bags',
        description='For each window of H steps: the goal is the picture H steps ahead; the plan '
        'is compared with what was done. Writes report.html, summary.json, windows.json, '
        'windows.csv and figures/. A broken bag costs itself and nothing else.',
        epilog='On several GPUs or machines: torchrun … --no-python jepa-wm bag eval … --out '
        'FOLDER, on a disk of all.',
    )
    parser.add_argument('bags', type=Path, nargs='+', metavar='BAG', help='bag or folder of bags')
    parser.add_argument(
        '--model',
        type=Path,
        nargs='+',
        metavar='BUNDLE',
        help=f'bundles, compared side by side (default: the shipped {SHIPPED})',
    )
    parser.add_argument('--horizon', type=int, default=3, metavar='H', help='steps (default: 3)')
    parser.add_argument(
        '--stride',
        type=int,
        default=0,
        help='steps between windows (default: H, so that none overlap)',
    )
    parser.add_argument(
        '--planner',
        nargs='+',
        default=[''],
        metavar='SOLVER',
        help="one or several, side by side (default: the bundle's); see docs/planning.md",
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        dest='changes',
        help='planning setting to change, e.g. samples=256; repeatable',
    )
    parser.add_argument(
        '--controls',
        action='store_true',
        help='evaluate shuffled actions and random weights, too: both must come out worse',
    )
    parser.add_argument('--camera', default='', help='camera of the mapping, or a topic')
    parser.add_argument('--mapping', type=Path, help='YAML file: which topics of a bag are what')
    parser.add_argument('--seed', type=int, default=0, help='of plans (default: 0)')
    parser.add_argument(
        '--examples', type=int, default=5, help='worst windows shown of each bag (default: 5)'
    )
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    parser.add_argument('--workers', type=int, default=1, help='processes (default: 1)')
    parser.add_argument('--out', type=Path, help='folder (default: runs/bag-eval-<time>)')
    parser.add_argument('--resume', action='store_true', help='go on with what is in --out')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; prints the figures and where the files are. Exit code 1 without any window."""
    import torch
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.bags.job import find_jobs
    from jepa_wm_ros.evaluation.bags.report import write_report
    from jepa_wm_ros.evaluation.bags.team import evaluate_all
    from jepa_wm_ros.training.team import joined

    bundles = [chosen_bundle(model) for model in args.model or [None]]
    with joined(torch.device(args.device)) as (team, device):
        console = Console(quiet=not team.writes)
        settings = _settings(args, team)
        jobs = find_jobs(args.bags, bundles, settings, args.planner, controls=args.controls)
        _check_planning(bundles, settings, args.planner)
        store = _store(args, settings, team)
        with progress_bar('evaluating', 'shares', console) as bar:
            results = evaluate_all(jobs, store, settings, team, args.workers, str(device), bar)
        if not team.writes:
            return 0
        conditions = _conditions(args, settings, team)
        report = write_report(store.folder, results, settings, conditions)
    _show(report, console)
    return 0 if any(result.windows for result in results) else 1


def _store(args: argparse.Namespace, settings: BagEvalSettings, team: Team) -> Store:
    """The folder of results; the first process of a team makes it, and the others wait."""
    from jepa_wm_ros.cli.eval import OptionError
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.bags.store import Store

    if team.size > 1 and args.out is None:
        raise OptionError('several processes need --out, a folder on a disk that all share')
    if not team.writes:
        team.wait()
        return Store(args.out.absolute(), settings, resume=True)
    store = Store(run_folder('bag-eval', args.out), settings, resume=args.resume)
    team.wait()
    return store


def _settings(args: argparse.Namespace, team: Team) -> BagEvalSettings:
    from jepa_wm_ros.cli.eval import OptionError, parse_changes
    from jepa_wm_ros.evaluation.bags.settings import PLANNING, BagEvalSettings

    if args.workers < 1:
        raise OptionError('--workers must be at least 1')
    if team.size > 1 and args.workers > 1:
        raise OptionError('--workers is for one process: let torchrun start more of them')
    return BagEvalSettings(
        horizon=args.horizon,
        stride=args.stride,
        planning={**PLANNING, **parse_changes(args.changes)},
        examples=args.examples,
        seed=args.seed,
        camera=args.camera,
        mapping=args.mapping,
        device=args.device,
    )


def _check_planning(
    bundles: list[tuple[Path, str]], settings: BagEvalSettings, planners: list[str]
) -> None:
    """Find wrong planning settings before the first bag is read."""
    from jepa_wm_ros.evaluation.bags.unit import planning_of
    from jepa_wm_ros.worldmodel.bundle import read_contract

    for path, _ in bundles:
        for planner in planners:
            planning_of(read_contract(path), settings, planner)


def _conditions(args: argparse.Namespace, settings: BagEvalSettings, team: Team) -> dict[str, Any]:
    import platform
    from dataclasses import asdict

    import numpy
    import torch

    from jepa_wm_ros import __version__

    made = {
        'command': ' '.join(['jepa-wm', *sys.argv[1:]]),
        'jepa_wm_ros': __version__,
        'python': platform.python_version(),
        'torch': torch.__version__,
        'numpy': numpy.__version__,
        'machine': f'{platform.machine()}, {platform.processor() or platform.system()}',
        'processes': team.size * args.workers,
        'peak memory of this process, MB': round(_peak_mb()),
    }
    return made | {key: _plain(value) for key, value in asdict(settings).items()}


def _peak_mb() -> float:
    """The most memory that this process has held so far [MB]."""
    import resource

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e6


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _show(report: Report, console: Console) -> None:
    """Print the figures, and a line for each verdict, control and broken recording."""
    good = [row for row in report.summaries if not row.get('trouble')]
    if good:
        console.print(_table(good))
    for count, row in enumerate(good, start=1):
        speed = row['timing']['times_real_time']
        console.print(f'{count}: {row["verdict"]} ({speed:.1f} times real time)', markup=False)
    for row in report.controls:
        line = f'control: {row["bag"]}, {row["model"]}: {row["words"]}'
        console.print(line, soft_wrap=True, markup=False)
    broken = ((row['bag'], row['trouble']) for row in report.summaries if not row['windows'])
    for bag, trouble in dict.fromkeys(broken):
        console.print(f'not evaluated: {bag}: {trouble}', soft_wrap=True, markup=False)
    for path in report.files:
        console.print(f'  {path}', soft_wrap=True, highlight=False)


def _table(summaries: list[dict[str, Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from jepa_wm_ros.cli.tables import number

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column('')
    table.add_column('bag', overflow='fold')
    table.add_column('model', overflow='fold')
    for name in ('windows', 'score', 'x, cm', 'y, cm', 'z, cm', 'cosine', 'rank'):
        table.add_column(name, justify='right', no_wrap=True)
    for count, row in enumerate(summaries, start=1):
        axes = [number(row[f'axis_{axis}_m'], 100, 2) for axis in 'xyz']
        figures = [number(row['cosine'], 1, 3), number(row['rank'], 1, 3)]
        score = number(row['action_score'], 1, 1)
        names = (str(count), row['bag'], _short(row['model']))
        table.add_row(*names, str(row['windows']), score, *axes, *figures)
    return table


def _short(title: str) -> str:
    """A model's title without its fingerprint, which is in the files."""
    name, _, rest = title.partition('@')
    return ','.join([name, *rest.split(',')[1:]])
