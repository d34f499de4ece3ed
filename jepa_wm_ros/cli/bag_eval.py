"""`jepa-wm bag eval`: how good models are by recordings alone."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli.bundles import SHIPPED, chosen_bundle

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.store import Store
    from jepa_wm_ros.evaluation.bags.unit import Job, UnitResult

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'eval',
        help='compare what models plan with what was done in bags',
        description='For each window of H steps: the goal is the picture H steps ahead; the plan '
        'is compared with what was done. Writes report.html, summary.json, windows.json and '
        'windows.csv. A broken bag costs itself and nothing else.',
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
    parser.add_argument('--camera', default='', help='camera of the mapping, or a topic')
    parser.add_argument('--mapping', type=Path, help='YAML file: which topics of a bag are what')
    parser.add_argument('--seed', type=int, default=0, help='of plans (default: 0)')
    parser.add_argument(
        '--examples', type=int, default=5, help='worst windows shown of each bag (default: 5)'
    )
    parser.add_argument('--workers', type=int, default=1, help='processes (default: 1)')
    parser.add_argument('--out', type=Path, help='folder (default: runs/bag-eval-<time>)')
    parser.add_argument('--resume', action='store_true', help='go on with what is in --out')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; prints the figures and where the files are."""
    from rich.console import Console

    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.bags.report import write_report
    from jepa_wm_ros.evaluation.bags.store import Store
    from jepa_wm_ros.evaluation.bags.team import find_jobs

    console = Console()
    settings = _settings(args)
    bundles = [chosen_bundle(model) for model in args.model or [None]]
    jobs = find_jobs(args.bags, bundles, settings, args.planner)
    _check_planning(bundles, settings, args.planner)
    folder = run_folder('bag-eval', args.out)
    store = Store(folder, settings, resume=args.resume)
    results = _work(jobs, store, settings, args.workers, console)
    summaries, files = write_report(folder, results, settings, _conditions(args, settings))
    _show(summaries, console)
    for path in files:
        console.print(f'  {path}', soft_wrap=True, highlight=False)
    return 0 if any(result.windows for result in results) else 1


def _settings(args: argparse.Namespace) -> BagEvalSettings:
    from jepa_wm_ros.cli.eval import OptionError, parse_changes
    from jepa_wm_ros.evaluation.bags.settings import PLANNING, BagEvalSettings

    if args.workers < 1:
        raise OptionError('--workers must be at least 1')
    return BagEvalSettings(
        horizon=args.horizon,
        stride=args.stride,
        planning={**PLANNING, **parse_changes(args.changes)},
        examples=args.examples,
        seed=args.seed,
        camera=args.camera,
        mapping=args.mapping,
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


def _work(
    jobs: list[Job], store: Store, settings: BagEvalSettings, workers: int, console: Console
) -> list[UnitResult]:
    """Do what is not done yet, keeping every result at once; in the order of the jobs."""
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.bags.team import work

    known = {number: store.load(job) for number, job in enumerate(jobs) if not job.damage}
    done = {jobs[number]: result for number, result in known.items() if result is not None}
    left = [job for job in jobs if job not in done]
    with progress_bar('evaluating', 'recordings', console) as bar:
        bar(len(done), len(jobs))
        with closing(work(left, settings, workers)) as results:
            for result in results:
                if not result.trouble:
                    store.save(result)
                done[result.job] = result
                bar(len(done), len(jobs), result.job.label)
    return [done[job] for job in jobs]


def _conditions(args: argparse.Namespace, settings: BagEvalSettings) -> dict[str, Any]:
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
        'workers': args.workers,
    }
    return made | {key: _plain(value) for key, value in asdict(settings).items()}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _show(summaries: list[dict[str, Any]], console: Console) -> None:
    """Print the figures, and a line for each verdict and for each broken recording."""
    from rich.table import Table

    from jepa_wm_ros.cli.tables import number

    good = [row for row in summaries if not row.get('trouble')]
    table = Table()
    for name in ('', 'bag', 'model'):
        table.add_column(name)
    for name in ('windows', 'score', 'x, cm', 'y, cm', 'z, cm', 'cosine', 'rank'):
        table.add_column(name, justify='right')
    for count, row in enumerate(good, start=1):
        axes = [number(row[f'axis_{axis}_m'], 100, 2) for axis in 'xyz']
        figures = [number(row['cosine'], 1, 3), number(row['rank'], 1, 3)]
        score = number(row['action_score'], 1, 1)
        table.add_row(
            str(count), row['bag'], row['model'], str(row['windows']), score, *axes, *figures
        )
    if good:
        console.print(table)
    for count, row in enumerate(good, start=1):
        speed = row['timing']['times_real_time']
        console.print(f'{count}: {row["verdict"]} ({speed:.1f} times real time)', markup=False)
    broken = ((row['bag'], row['trouble']) for row in summaries if not row['windows'])
    for bag, trouble in dict.fromkeys(broken):
        console.print(f'not evaluated: {bag}: {trouble}', soft_wrap=True, markup=False)
