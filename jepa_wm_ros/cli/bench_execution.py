"""`jepa-wm bench execution`: what streaming gains and costs against blocking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.table import Table

    from jepa_wm_ros.evaluation.bench.execution import ExecutionFigures

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_execution_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'execution',
        help='blocking against streaming execution in the simulated cell',
        description='Plays the same episodes with the arm at rest between plans and with an arm '
        'that goes on, in lockstep: a plan arrives a fixed delay after its picture.',
    )
    parser.add_argument('--model', type=Path, help='bundle (default: the shipped one)')
    parser.add_argument('--episodes', type=int, default=20, help='default: 20')
    parser.add_argument('--steps', type=int, default=25, help='of 0.4 s each (default: 25)')
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument(
        '--delay',
        type=float,
        nargs='+',
        default=[0.2],
        metavar='S',
        help='from picture to plan (default: 0.2)',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; prints a table and writes the figures."""
    from dataclasses import asdict

    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.bench.execution import ExecutionBench, summarise
    from jepa_wm_ros.evaluation.episodes import EpisodeSettings
    from jepa_wm_ros.evaluation.records import write_json
    from jepa_wm_ros.planning.policy import Policy
    from jepa_wm_ros.sim.simulation import CellSimulation
    from jepa_wm_ros.worldmodel.bundle import load_bundle

    folder, name = chosen_bundle(args.model)
    settings = EpisodeSettings(episodes=args.episodes, steps=args.steps, seed=args.seed)
    policy = Policy(load_bundle(folder), seed=args.seed)
    console, figures = Console(), []
    with CellSimulation() as simulation:
        for delay_s in args.delay:
            for streaming in (False, True):
                bench = ExecutionBench(
                    simulation, policy, settings, streaming=streaming, delay_s=delay_s
                )
                kind, runs = 'streaming' if streaming else 'blocking', []
                with progress_bar(f'{kind}, {delay_s:g} s', 'episodes', console) as bar:
                    for played in bench.play():
                        runs.append(played)
                        distance_cm = 100 * played.final_distance_m
                        bar(len(runs), settings.episodes, f'{distance_cm:.1f} cm')
                figures.append(summarise(runs, streaming=streaming, delay_s=delay_s))
    console.print(execution_table(name, figures))
    if args.json is not None:
        rows = [asdict(figure) for figure in figures]
        write_json(args.json, {'model': name, 'seed': args.seed, 'rows': rows})
        console.print(f'  {args.json}', soft_wrap=True, highlight=False)
    return 0


def execution_table(name: str, figures: Sequence[ExecutionFigures]) -> Table:
    """Return the figures for people."""
    from rich.table import Table

    table = Table(title=name, title_justify='left', title_style='bold')
    table.add_column('execution')
    for heading in (
        'delay, s', 'within 5 cm', 'within 3 cm', 'median end, cm', 'median s to 5 cm', 'plans',
    ):  # fmt: skip
        table.add_column(heading, justify='right')
    for row in figures:
        after = '-' if row.near_after_s is None else f'{row.near_after_s:.1f}'
        table.add_row(
            'streaming' if row.streaming else 'blocking',
            f'{row.delay_s:g}',
            f'{row.near} of {row.episodes}',
            f'{row.near_3cm} of {row.episodes}',
            f'{100 * row.final_distance_m:.1f}',
            after,
            f'{row.plans:.0f}',
        )
    return table
