"""`jepa-wm demo`: a simulated arm reaches goal pictures through a real ROS 2 graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli.bundles import chosen_bundle
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.cli.cell import Steps
    from jepa_wm_ros.evaluation.episodes import EpisodeDraw
    from jepa_wm_ros.evaluation.trace import Recorder, Trace
    from jepa_wm_ros.ros.client import GraphClient, Progress

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

NEED_MB = 200
NEAR_M = 0.05


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'demo',
        help='a simulated arm reaches goal pictures over ROS 2; leaves a video and a summary',
        description='Starts simulator, policy and action publisher as ROS 2 processes, gives the '
        'planner pictures of goals, and leaves demo.mp4, plot.png, still.png, summary.json, the '
        'goal pictures and the logs. Exit code 0 if the graph pursued every goal to its end and '
        'came within 5 cm of at least one.',
    )
    parser.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    parser.add_argument('--goals', type=int, default=5, help='how many (default: 5)')
    parser.add_argument('--seed', type=int, default=1, help='draws starts and goals (default: 1)')
    parser.add_argument('--max-steps', type=int, default=25, help='for each goal (default: 25)')
    parser.add_argument('--no-video', action='store_true', help='leave out demo.mp4 and still.png')
    parser.add_argument(
        '--stay',
        action='store_true',
        help='keep the graph running after the goals, for `jepa-wm goal`, until Ctrl-C',
    )
    parser.add_argument('--out', type=Path, help='folder (default: runs/demo-<time>)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; prints what happens, a table and the paths of the files."""
    from rich.console import Console

    from jepa_wm_ros.cli.cell import Steps
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.goals_report import goals_summary

    console = Console()
    steps = Steps(console)
    model, name = chosen_bundle(args.model)
    draws = _draw(args)
    folder = run_folder('demo', args.out, NEED_MB)
    traces: list[Trace] = []
    try:
        _reach_goals(args, model, draws, folder, traces, steps)
        summary = goals_summary(traces, seed=args.seed, model=name, wanted=args.goals)
        _write_figures(folder, traces, summary, steps)
        if not args.no_video:
            _foresee(model, traces, steps)
            _write_pictures(folder, traces, steps)
    except (KeyboardInterrupt, JepaWmError):
        _keep(folder, traces, args, name, console)
        raise
    return _conclude(folder, summary, console)


def _draw(args: argparse.Namespace) -> list[EpisodeDraw]:
    from jepa_wm_ros.evaluation.episodes import EpisodeSettings, draw_episode

    settings = EpisodeSettings(episodes=args.goals, seed=args.seed, steps=args.max_steps)
    return [draw_episode(settings, index) for index in range(settings.episodes)]


def _reach_goals(
    args: argparse.Namespace,
    model: Path,
    draws: list[EpisodeDraw],
    folder: Path,
    traces: list[Trace],
    steps: Steps,
) -> None:
    """Bring the graph up, pursue all goals, bring it down; what was seen goes into `traces`."""
    from jepa_wm_ros.cli.cell import render_goals, running_cell, stay
    from jepa_wm_ros.data.goals.pictures import write_picture
    from jepa_wm_ros.evaluation.trace import Recorder, Trace
    from jepa_wm_ros.ros.client import GraphClient

    pictures = render_goals(draws)
    for draw, picture in zip(draws, pictures, strict=True):
        write_picture(folder / 'goals' / f'goal_{draw.index + 1}.png', picture)
    steps.done(f'goal pictures rendered: {len(draws)}')
    recorder = Recorder(keep_frames=not args.no_video)
    with running_cell(model, folder / 'logs', steps, GraphClient) as client:
        from jepa_wm_ros.ros.listening import listen

        listen(client.node, recorder, pictures=not args.no_video)
        for draw, picture in zip(draws, pictures, strict=True):
            traces.append(Trace(index=draw.index, goal=draw.goal, picture=picture))
            _pursue(client, recorder, traces[-1], draw, args, steps)
        if args.stay:
            stay(client, folder / 'goals' / 'goal_1.png', steps)


def _pursue(
    client: GraphClient,
    recorder: Recorder,
    trace: Trace,
    draw: EpisodeDraw,
    args: argparse.Namespace,
    steps: Steps,
) -> None:
    """Pursue one goal behind a progress bar."""
    from jepa_wm_ros.cli.cell import pursue
    from jepa_wm_ros.cli.progress import progress_bar

    title = f'goal {trace.index + 1} of {args.goals}'
    with progress_bar(title, 'steps', steps.console) as bar:
        bar(0, args.max_steps)

        def show(progress: Progress) -> None:
            distance_m, plans = trace.final_distance_m, trace.plans
            note = f'latent distance {progress.cost:.2f}'
            note += f', true {100 * distance_m:.1f} cm' if distance_m is not None else ''
            note += f', plan {1000 * plans[-1].plan_time_s:.0f} ms' if plans else ''
            bar(progress.step, args.max_steps, note)

        pursue(client, recorder, trace, draw.start, max_steps=args.max_steps, on_progress=show)
    for hold in trace.holds:
        steps.done(f'{title}: the arm was held and armed again ({hold})')
    steps.done(f'{title}: {trace.message or trace.outcome}')


def _write_figures(
    folder: Path, traces: list[Trace], summary: dict[str, Any], steps: Steps
) -> None:
    """Write what is quick to write: it is there even if the video is interrupted."""
    from jepa_wm_ros.evaluation.goals_report import plot_goals
    from jepa_wm_ros.evaluation.records import write_episodes, write_json

    write_json(folder / 'summary.json', summary)
    write_episodes(folder, [record for trace in traces if (record := trace.record())])
    plot_goals(
        folder / 'plot.png',
        traces,
        f'{summary["model"]}: {len(traces)} goal pictures, seed {summary["seed"]}',
    )
    steps.done('summary and plot written')


def _foresee(model: Path, traces: list[Trace], steps: Steps) -> None:
    """Draw what each plan was expected to lead to, if the bundle has a decoder."""
    from jepa_wm_ros.evaluation.foresight import can_foresee, foresee
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.heads import load_decoder
    from jepa_wm_ros.worldmodel.heads.head import HeadError

    network = load_bundle(model)
    try:
        decoder = load_decoder(model, network)
    except HeadError as error:  # a video without it is better than none
        steps.done(f'no picture of what is expected: {error}')
        return
    if decoder is None or not can_foresee(network):
        steps.done(
            'no picture of what is expected: it needs a decoder, and a model of one picture'
        )
        return
    foresee(network, decoder, traces)
    steps.done('expected pictures drawn')


def _write_pictures(folder: Path, traces: list[Trace], steps: Steps) -> None:
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.goals_report import still_goals
    from jepa_wm_ros.evaluation.video import write_video

    still_goals(folder / 'still.png', traces)
    with progress_bar('video', 'pictures', steps.console) as bar:
        pictures = write_video(folder / 'demo.mp4', traces, bar)
    steps.done(f'video of {pictures} pictures written')


def _keep(
    folder: Path, traces: list[Trace], args: argparse.Namespace, name: str, console: Console
) -> None:
    """After an error or Ctrl-C: save the figures of what was done, and say what was kept."""
    from jepa_wm_ros.evaluation.goals_report import goals_summary
    from jepa_wm_ros.evaluation.records import write_json

    begun = [trace for trace in traces if trace.plans]
    if begun and not (folder / 'summary.json').exists():
        summary = goals_summary(begun, seed=args.seed, model=name, wanted=args.goals)
        write_json(folder / 'summary.json', summary)
    kept = ', '.join(sorted(path.name for path in folder.iterdir()))
    if not kept:
        folder.rmdir()
        return
    console.print(
        f'stopped early; all processes have ended; kept in {folder}: {kept}',
        soft_wrap=True,
        highlight=False,
    )


def _conclude(folder: Path, summary: dict[str, Any], console: Console) -> int:
    """Print table and paths; return the exit code."""
    from jepa_wm_ros.cli.tables import goals_table

    console.print(goals_table(summary['goals']))
    distances = [row['final_distance_m'] for row in summary['goals']]
    near = [value for value in distances if value is not None and value <= NEAR_M]
    console.print(f'{len(near)} of {len(distances)} goals within 5 cm', highlight=False)
    for path in sorted(folder.iterdir()):
        console.print(f'  {path}', soft_wrap=True, highlight=False)
    return 0 if near and summary['complete'] else 1
