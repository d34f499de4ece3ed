"""`jepa-wm study`: a grid of trainings and evaluations."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from jepa_wm_ros.evaluation.studies.crew import News
    from jepa_wm_ros.evaluation.studies.grid import Job
    from jepa_wm_ros.evaluation.studies.settings import Study
    from jepa_wm_ros.evaluation.studies.store import Store

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TRAINING_SHARE = 0.7
"""Part of a job that training is taken for, as far as the bar is concerned."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'study',
        help='train and evaluate every combination of some choices',
        description='Trains (or takes) a model and plays episodes in the simulated cell for every '
        'combination of choices in STUDY, and writes study.md, study.json, study.csv and plots. '
        'The same command goes on where it was; jobs that failed are tried again.',
        epilog='On several GPUs or machines: torchrun … --no-python jepa-wm study STUDY; every '
        'process takes its part of the jobs.',
    )
    parser.add_argument('study', type=Path, help='study file, see config/studies/')
    parser.add_argument('--out', type=Path, help='folder (default: runs/study-<name>)')
    parser.add_argument(
        '--models',
        type=Path,
        default=Path('runs', 'study-models'),
        help='folder of the bundles that are trained; studies share them (default: '
        'runs/study-models)',
    )
    parser.add_argument('--data', type=Path, help="HDF5 file (default: the study's, in datasets/)")
    parser.add_argument('--jobs', type=int, default=1, help='at once (default: 1)')
    parser.add_argument('--episodes', type=int, help="of each model (default: the study's)")
    parser.add_argument('--dry-run', action='store_true', help='list the jobs and end')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what is not done yet; prints the table and where the files are."""
    from rich.console import Console

    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.studies.grid import jobs_of
    from jepa_wm_ros.evaluation.studies.store import Store

    console = Console()
    study = _study(args)
    chosen = args.out or Path('runs') / f'study-{study.name}'
    jobs = jobs_of(study, args.study, args.models.absolute(), args.data)
    if args.dry_run:
        _list(jobs, Store(chosen.absolute()), console)
        return 0
    store = Store(run_folder('study', chosen))
    failed = _work(study, _own(jobs), store, args.jobs, console)
    _report(study, jobs, store, failed, args, console)
    for job, words in failed.items():
        console.print(
            f'failed: {job.title}: {words.strip().splitlines()[-1]}; see {store.failure(job)}',
            soft_wrap=True, markup=False,
        )  # fmt: skip
    return 1 if failed else 0


def _study(args: argparse.Namespace) -> Study:
    import dataclasses

    from jepa_wm_ros.cli.eval import OptionError
    from jepa_wm_ros.evaluation.studies.settings import read_study

    if args.jobs < 1:
        raise OptionError(f'--jobs must be at least 1, got {args.jobs}')
    study = read_study(args.study)
    if args.episodes is None:
        return study
    try:
        plan = dataclasses.replace(study.evaluation, episodes=args.episodes)
    except ValueError as error:
        raise OptionError(f'--episodes: {error}') from error
    return dataclasses.replace(study, evaluation=plan)


def _own(jobs: list[Job]) -> list[list[Job]]:
    """Return the lanes of this process: all, or every n-th of those that torchrun started."""
    from jepa_wm_ros.evaluation.studies.grid import lanes_of

    rank, size = (int(os.environ.get(name, one)) for name, one in (('RANK', 0), ('WORLD_SIZE', 1)))
    return lanes_of(jobs)[rank::size]


def _list(jobs: Sequence[Job], store: Store, console: Console) -> None:
    """Print every job, and whether it is done."""
    done = 0
    for number, job in enumerate(jobs, start=1):
        there = store.load(job) is not None
        done += there
        what = f'play {job.model.name}'
        if job.recipe is not None:
            what = f'train {job.recipe.model.name} for {job.recipe.training.steps} steps, and play'
        state = 'done' if there else what
        console.print(f'{number:3}  {job.title}: {state}', highlight=False, markup=False)
    console.print(f'{len(jobs)} jobs, {done} done')


def _work(
    study: Study, lanes: list[list[Job]], store: Store, processes: int, console: Console
) -> dict[Job, str]:
    """Do the jobs of this process that are not done; returns those that failed, and why."""
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.studies.crew import Crew, work

    everything = [job for lane in lanes for job in lane]
    left = [[job for job in lane if store.load(job) is None] for lane in lanes]
    left = [lane for lane in left if lane]
    with progress_bar(study.name, 'jobs', console) as bar:
        told = _Told(everything, [job for lane in left for job in lane], store, bar, console)
        crew = Crew(
            plan=study.evaluation,
            folder=store.folder,
            threads=study.threads,
            processes=processes,
        )
        with closing(work(left, crew)) as news:
            for item in news:
                told.hear(item)
    return told.failed


class _Told:
    """What is known of the jobs under way, on a bar and in lines."""

    def __init__(
        self,
        jobs: Sequence[Job],
        left: Sequence[Job],
        store: Store,
        bar: Callable[..., None],
        console: Console,
    ) -> None:
        self.failed: dict[Job, str] = {}
        self._jobs, self._by_key = jobs, {job.key: job for job in left}
        self._parts = {job.key: 0.0 for job in left}
        self._before = len(jobs) - len(left)
        self._store, self._bar, self._console = store, bar, console
        self._began = time.monotonic()
        bar(self._before, len(jobs))

    def hear(self, news: News) -> None:
        job = self._by_key[news.job]
        if news.what in ('training', 'playing'):
            trains = job.recipe is not None
            share = TRAINING_SHARE if trains else 0.0
            part = news.done / max(1, news.total)
            self._parts[news.job] = (
                share * part if news.what == 'training' else share + (1 - share) * part
            )
            self._show(f'{job.title}: {news.what} {news.done}/{news.total}')
            return
        self._parts[news.job] = 1.0
        self._show(job.title)
        if news.what == 'failed':
            self.failed[job] = news.words
            if not self._store.failure(job).exists():
                self._store.fail(job, news.words)
        self._say(f'{job.title}: {self._outcome(job, news)}')

    def _outcome(self, job: Job, news: News) -> str:
        if news.what == 'elsewhere':
            return 'under way in another process'
        result = self._store.load(job) if news.what == 'done' else None
        if result is None:
            return f'failed: {news.words.strip().splitlines()[-1]}'
        summary = result['summary']
        low, high = summary['success_5cm_interval']
        return (
            f'{100 * summary["success_5cm"]:.1f} % ({100 * low:.0f}..{100 * high:.0f}) within 5 cm'
        )

    def _say(self, line: str) -> None:
        """Print a line for those who read a log: what ended, and how long the rest may take."""
        done = sum(self._parts.values())
        ended = self._before + sum(part == 1.0 for part in self._parts.values())
        left = (len(self._parts) - done) * (time.monotonic() - self._began) / max(done, 1e-9)
        end = f'; about {left / 60:.0f} min left' if ended < len(self._jobs) else ''
        self._console.print(
            f'{ended}/{len(self._jobs)} {line}{end}', soft_wrap=True, markup=False, highlight=False
        )

    def _show(self, note: str) -> None:
        self._bar(self._before + sum(self._parts.values()), len(self._jobs), note)


def _report(
    study: Study,
    jobs: Sequence[Job],
    store: Store,
    failed: dict[Job, str],
    args: argparse.Namespace,
    console: Console,
) -> None:
    """Write the files from all results that there are, those of other processes too."""
    from jepa_wm_ros.evaluation.studies.report import write_report

    results = [result for job in jobs if (result := store.load(job)) is not None]
    if not results:
        console.print('nothing is done yet')
        return
    about = {
        'name': study.name,
        'question': study.question,
        'jobs': len(jobs),
        'failed': [job.title for job in jobs if store.failure(job).exists()],
        'conditions': _conditions(study, args),
    }
    content, files = write_report(store.folder, results, about)
    console.print(_table(content))
    for path in files:
        console.print(f'  {path}', soft_wrap=True, highlight=False)


def _conditions(study: Study, args: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    import torch

    from jepa_wm_ros import __version__
    from jepa_wm_ros.evaluation.bench.machine import machine_name

    return {
        'command': ' '.join(['jepa-wm', *sys.argv[1:]]),
        'file': str(args.study),
        'jepa_wm_ros': __version__,
        'torch': torch.__version__,
        'machine': machine_name(torch.device('cpu')),
        'threads of a job': study.threads,
        'jobs at once': args.jobs,
        **asdict(study.evaluation),
    }


def _table(content: dict[str, Any]) -> Any:
    """Return the chief figures as a table for the terminal; study.md has all."""
    from rich.table import Table

    from jepa_wm_ros.evaluation.studies.page import columns_of

    rows = content['rows']
    columns = [column for column in columns_of(rows) if column.brief]
    table = Table(title=content['question'], title_justify='left', title_style='bold')
    for name in rows[0]['labels']:
        table.add_column(name)
    for column in columns:
        table.add_column(column.head, justify='right')
    for row in rows:
        table.add_row(*row['labels'].values(), *(column.words(row) for column in columns))
    return table
