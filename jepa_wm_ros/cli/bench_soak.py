"""`jepa-wm bench soak`: a simulated cell works for hours; what grows, what is missed?"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

    from jepa_wm_ros.evaluation.soak.journal import Journal

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

NEED_MB = 200
SETTLE_MINUTES = 20.0
SETTLE_PART = 6.0
GOALS = 24
BROKEN_CODE = 1


class SoakOptionError(JepaWmError):
    """An option that cannot be honoured."""


def add_soak_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'soak',
        help='pursue goals for hours, with faults and restarts, and see what grows or is missed',
        description='Starts the simulated cell with all its processes and pursues goals without '
        'a pause, some of which are cancelled, replaced or paused; the camera drops pictures now '
        'and then, nodes go through their life cycle, processes are killed and started again. '
        'Notes memory, threads, handles, missed periods of the commands and latencies. Each note '
        'is in samples.jsonl at once; Ctrl-C ends with a summary of what there is. Exit code 1 '
        'when a bar is broken.',
    )
    parser.add_argument('--minutes', type=float, default=120.0, help='how long (default: 120)')
    parser.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    parser.add_argument('--seed', type=int, default=1, help='of goals and events (default: 1)')
    parser.add_argument('--max-steps', type=int, default=12, help='for each goal (default: 12)')
    parser.add_argument(
        '--settle-minutes',
        type=float,
        help='of each life of a process that do not count (default: a sixth of --minutes, at '
        'most 20)',
    )
    parser.add_argument(
        '--kill-minutes',
        type=float,
        default=45.0,
        help='about the time between two killed processes; 0 kills none (default: 45)',
    )
    parser.add_argument(
        '--sample-s', type=float, default=10.0, help='time between two samples (default: 10)'
    )
    parser.add_argument('--out', type=Path, help='folder (default: runs/soak-<time>)')
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        '--resume', type=Path, metavar='RUN', help='go on with a soak that was interrupted'
    )
    again.add_argument(
        '--report', type=Path, metavar='RUN', help='only make the summary of a soak again'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Soak; print a line each minute and a summary, and write the files."""
    from rich.console import Console

    _check(args)
    console = Console()
    if args.report is not None:
        return _conclude(args.report.absolute(), console, args.settle_minutes)
    folder = _begin(args)
    try:
        _soak(folder, console)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        said = 'stopped' if interrupted else f'ended by an error ({type(error).__name__})'
        console.print(
            f'{said}; all processes have ended; go on with --resume {folder}',
            soft_wrap=True,
            highlight=False,
        )
        with contextlib.suppress(JepaWmError):
            _conclude(folder, console, args.settle_minutes)
        raise
    return _conclude(folder, console, args.settle_minutes)


def _check(args: argparse.Namespace) -> None:
    for name, least in (
        ('minutes', 0.5),
        ('max_steps', 1),
        ('sample_s', 0.5),
        ('kill_minutes', 0.0),
        ('settle_minutes', 0.0),
    ):
        value = getattr(args, name)
        if value is not None and not value >= least:
            option = '--' + name.replace('_', '-')
            raise SoakOptionError(f'{option} must be at least {least:g}, got {value:g}')


def _begin(args: argparse.Namespace) -> Path:
    """Make the folder and the first note of a soak; one that goes on has them."""
    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.soak.journal import NAME, Journal, read_journal

    if args.resume is not None:
        read_journal(args.resume)  # there is one
        return run_folder('soak', args.resume, NEED_MB)
    model, name = chosen_bundle(args.model)
    folder = run_folder('soak', args.out, NEED_MB)
    if (folder / NAME).exists():
        raise SoakOptionError(f'{folder} holds a soak; give --resume {folder} to go on with it')
    settle = args.settle_minutes
    if settle is None:
        settle = min(SETTLE_MINUTES, args.minutes / SETTLE_PART)
    journal = Journal(folder)
    journal.note(
        'begin',
        model=name,
        bundle=str(model),
        seed=args.seed,
        length_s=60.0 * args.minutes,
        settle_s=60.0 * settle,
        max_steps=args.max_steps,
        kill_every_s=60.0 * args.kill_minutes,
        sample_every_s=args.sample_s,
    )
    journal.close()
    return folder


def _soak(folder: Path, console: Console) -> None:
    from jepa_wm_ros.cli.cell import PATIENCE, render_goals
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.episodes import EpisodeSettings, draw_episode
    from jepa_wm_ros.evaluation.soak.journal import Journal, read_journal
    from jepa_wm_ros.ros.bringup import cell
    from jepa_wm_ros.ros.soak.run import Soak, SoakSettings

    notes = read_journal(folder)
    begin = notes['begin'][-1]
    done_s = max(
        (note['t_s'] for kind in notes for note in notes[kind] if 't_s' in note), default=0
    )
    lives: dict[str, int] = {}
    for note in notes['life']:
        lives[note['process']] = max(lives.get(note['process'], 0), note['life'])
    lives['soak'] = max((n['life'] for n in notes['sample'] if n['process'] == 'soak'), default=0)
    episodes = EpisodeSettings(episodes=GOALS, seed=begin['seed'], steps=begin['max_steps'])
    pictures = render_goals([draw_episode(episodes, index) for index in range(GOALS)])
    bundle = {'model': begin['bundle']}
    processes = cell({'encoder': bundle, 'planner': bundle, 'action_publisher': PATIENCE})
    settings = SoakSettings(
        length_s=begin['length_s'],
        begin_s=done_s,
        seed=begin['seed'],
        max_steps=begin['max_steps'],
        kill_every_s=begin['kill_every_s'],
        sample_every_s=begin['sample_every_s'],
        lives=lives,
    )
    total = begin['length_s'] / 60.0
    with _journal(folder, Journal) as journal, progress_bar('soak', 'min', console) as bar:
        bar(done_s / 60.0, total, 'starting the cell')

        def tell(now_s: float, minute: Mapping[str, Any] | None) -> None:
            if minute is not None:
                line = minute_line(now_s / 60.0, total, minute)
                console.print(line, soft_wrap=True, highlight=False)
            bar(now_s / 60.0, total, '')

        logs = folder / f'logs-{len(notes["life"])}' if notes['life'] else folder / 'logs'
        Soak(processes, pictures, logs, settings, journal.note, tell).run()


@contextlib.contextmanager
def _journal(folder: Path, journal: Callable[[Path], Journal]) -> Iterator[Journal]:
    """A journal that is closed in the end."""
    opened = journal(folder)
    try:
        yield opened
    finally:
        opened.close()


def minute_line(now_min: float, total_min: float, minute: Mapping[str, Any]) -> str:
    """Return what there is to say about a minute."""
    rate = 60.0 * minute['goals'] / minute['length_s'] if minute['length_s'] else 0.0
    gap = f'longest gap {1000 * minute["longest_s"]:.0f} ms, missed periods {minute["missed"]}'
    if minute['unexplained']:
        gap += f' ({minute["unexplained"]} deadlines unexplained)'
    return (
        f'{now_min:6.1f} of {total_min:g} min, {max(0.0, total_min - now_min):.0f} left: '
        f'{rate:.0f} goals/min, plan {_ms(minute["plan_p95_s"])}, first command '
        f'{_ms(minute["first_command_p95_s"])} (95 %), {gap}'
    )


def _ms(seconds: float | None) -> str:
    return '-' if seconds is None else f'{1000 * seconds:.3g} ms'


def _conclude(folder: Path, console: Console, settle_minutes: float | None) -> int:
    """Write summary and picture, print the tables; return the exit code."""
    from jepa_wm_ros.evaluation.records import write_json
    from jepa_wm_ros.evaluation.soak.figure import plot_soak
    from jepa_wm_ros.evaluation.soak.journal import read_journal
    from jepa_wm_ros.evaluation.soak.summary import BROKEN, soak_summary

    notes = read_journal(folder)
    if not notes['sample']:
        console.print('nothing was measured', highlight=False)
        return BROKEN_CODE
    summary = soak_summary(notes, None if settle_minutes is None else 60.0 * settle_minutes)
    write_json(folder / 'summary.json', summary)
    plot_soak(folder / 'soak.png', notes, summary)
    console.print(processes_table(summary))
    for line in summary_lines(summary):
        console.print(line, soft_wrap=True, highlight=False)
    for name in ('samples.jsonl', 'summary.json', 'soak.png'):
        console.print(f'  {folder / name}', soft_wrap=True, highlight=False)
    return BROKEN_CODE if BROKEN in summary['verdicts'].values() else 0


def processes_table(summary: Mapping[str, Any]) -> Table:
    """Return what each process holds, for people at a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = (
        f'{summary["minutes"]:.0f} min; growth after the first {summary["settle_minutes"]:.3g} min'
    )
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify='left', title_style='bold'
    )
    for name in ('process', 'lives', 'MiB', 'growth, %/h', 'threads', 'handles'):
        table.add_column(name, justify='left' if name == 'process' else 'right')
    for name, row in summary['processes'].items():
        table.add_row(
            name,
            str(row['lives']),
            f'{row["first_mib"]:.0f} to {row["last_mib"]:.0f}',
            _percent(row['rss_growth']),
            _count(row['threads'], row['threads_more']),
            _count(row['handles'], row['handles_more']),
        )
    return table


def _percent(growth: Mapping[str, float] | None) -> str:
    if growth is None:
        return '?'
    return f'{growth["percent_per_hour"]:+.2f} ({growth["low"]:+.2f} to {growth["high"]:+.2f})'


def _count(span: tuple[int, int], more: float | None) -> str:
    low, high = span
    grown = '' if not more else f', {more:+.0f} in the end'
    return (f'{low}' if low == high else f'{low} to {high}') + grown


def summary_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield goals, deadlines and verdicts in words."""
    goals = summary['goals']
    ends = ', '.join(f'{name} {count}' for name, count in sorted(goals['ends'].items()))
    yield f'{goals["count"]} goals, {goals["plans"]} plans: {ends}'
    yield 'events: ' + (
        ', '.join(f'{name} {count}' for name, count in sorted(summary['events'].items())) or 'none'
    )
    for goal in goals['unexpected']:
        yield (
            f'  at {goal["t_s"] / 60:.1f} min a goal ({goal["act"]}) ended unexpectedly: '
            f'{goal["code"]}: {goal["message"]}'
        )
    longest = summary['longest_gap_s']
    yield (
        f'commands: {summary["commands"]} (and {summary["commands_unseen"]} that did not reach '
        f'this program), missed periods {summary["missed_periods"]}, longest '
        f'time between two of a motion {_ms(longest)}; {summary["deadlines_missed"]} missed '
        'deadlines (more than three periods)'
    )
    for reason, count in summary['deadlines_explained'].items():
        yield f'  explained: {count} by: {reason}'
    for gap in summary['deadlines_unexplained']:
        yield f'  NOT explained, at {gap["t_s"] / 60:.1f} min: {gap["periods"]:.1f} periods'
    for name, label in (('plan', 'plan'), ('first_command', 'plan to first command')):
        row = {p: summary['latencies_s'][f'{name}_{p}_s'] for p in ('p50', 'p95', 'max')}
        if row['p50'] is not None:
            yield (
                f'{label}: median {_ms(row["p50"]["all"])}, 95 % {_ms(row["p95"]["all"])} (first '
                f'quarter {_ms(row["p95"]["first_quarter"])}, last '
                f'{_ms(row["p95"]["last_quarter"])}), longest {_ms(row["max"]["all"])}'
            )
    machine = summary['machine']
    if machine['load'] is not None:
        yield f'machine: load {machine["load"]:.1f}, steal {machine["steal_percent"]:.1f} %'
    for name, verdict in summary['verdicts'].items():
        yield f'{name}: {_VERDICTS[verdict]}'


_VERDICTS = {
    'kept': '[green]kept[/]',
    'broken': '[red]BROKEN[/]',
    'open': '[yellow]open: too short or too noisy to say[/]',
}
