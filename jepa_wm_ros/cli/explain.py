"""`jepa-wm explain`: what a model has understood, in figures, pictures and words."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.cli.bundles import SHIPPED
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.evaluation.explain.job import Explanation
    from jepa_wm_ros.evaluation.explain.jump import Jump
    from jepa_wm_ros.evaluation.explain.settings import ExplainSettings
    from jepa_wm_ros.worldmodel.contract import Contract

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


class ExplainArgumentError(JepaWmError):
    """Arguments with which nothing can be measured."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'explain',
        help='what a model has understood of the arm, in figures, pictures and words',
        description='Draws a map of the latents, reads the position from them, asks what actions '
        'do, and teleports the arm to see whether the model is surprised. Leaves explain.md, '
        'explain.json and PNG files.',
    )
    parser.add_argument(
        'bundle', type=Path, nargs='?', help=f'default: the shipped model {SHIPPED}'
    )
    parser.add_argument(
        '--data', type=Path, help='HDF5 file (default: fresh episodes of the simulated cell)'
    )
    parser.add_argument('--episodes', type=int, default=24, help='to look at (default: 24)')
    parser.add_argument('--jumps', type=int, default=24, help='teleports (default: 24)')
    parser.add_argument('--steps', type=int, default=24, help='of a fresh episode (default: 24)')
    parser.add_argument('--nominal', action='store_true', help='do not vary the looks of the cell')
    parser.add_argument('--seed', type=int, default=0, help='of everything random (default: 0)')
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    parser.add_argument('--out', type=Path, help='folder (default: runs/explain-<time>)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain a model; prints the answers and the paths of the files."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.evaluation.explain.job import explain
    from jepa_wm_ros.worldmodel.bundle import load_bundle

    console, settings = Console(), _settings(args)
    path, _ = chosen_bundle(args.bundle)
    model = load_bundle(path, args.device)
    table, jumps, source = _material(args, settings, model.contract, console)
    folder = run_folder('explain', args.out)
    with progress_bar('looking', 'parts', console) as bar:
        found = explain(model, table, jumps, settings, source, bar)
    _write(folder, found, console)
    return 0


def _settings(args: argparse.Namespace) -> ExplainSettings:
    from jepa_wm_ros.evaluation.explain.settings import ExplainSettings

    try:
        return ExplainSettings(
            episodes=args.episodes,
            jumps=args.jumps,
            steps=args.steps,
            seed=args.seed,
            varied=not args.nominal,
        )
    except ValueError as error:
        raise ExplainArgumentError(f'--{error}') from error


def _material(
    args: argparse.Namespace, settings: ExplainSettings, contract: Contract, console: Console
) -> tuple[EpisodeTable, list[Jump], str]:
    """Return episodes, episodes with a jump, and where they are from."""
    if args.data is not None:
        from jepa_wm_ros.data.episodes import read_episodes
        from jepa_wm_ros.evaluation.explain.jump import spliced

        table = read_episodes(args.data, settings.episodes)
        if table.episodes < 2:
            raise ExplainArgumentError(
                f'{args.data} has {table.episodes} episode; a probe learns from some and is '
                'judged on others: at least 2 are needed'
            )
        source = f'{table.episodes} episodes of {args.data}; the jumps are cut into them'
        return table, spliced(table, settings.jumps, settings.seed), source
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.explain.cell import cell_material
    from jepa_wm_ros.sim.environment import CellEnvironment

    cell = CellEnvironment(step_duration_s=contract.step_duration_s)
    with closing(cell), progress_bar('collecting', 'episodes', console) as bar:
        table, jumps = cell_material(cell, contract, settings, bar)
    looks = 'looks varied as in training' if settings.varied else 'nominal looks'
    source = f'{table.episodes} fresh episodes of the simulated cell, {looks}'
    return table, jumps, f'{source}, and {len(jumps)} more with a teleport'


def _write(folder: Path, found: Explanation, console: Console) -> None:
    """Write everything; print answers and paths."""
    from jepa_wm_ros.evaluation.explain.figures import write_figures
    from jepa_wm_ros.evaluation.explain.page import page, verdicts
    from jepa_wm_ros.evaluation.records import write_json, write_text

    figures = found.figures()
    answers = verdicts(figures)
    write_json(folder / 'explain.json', {**figures, 'answers': answers})
    plots = write_figures(folder, found)
    names = [path.name for path in plots[1:]]
    write_text(folder / 'explain.md', page(figures, found.contract.action, names))
    for name, answer in answers.items():
        console.print(f'{name}: {answer}', highlight=False)
    for path in (folder / 'explain.md', folder / 'explain.json', *plots):
        console.print(f'  {path}', soft_wrap=True, highlight=False)
