"""`jepa-wm collect`: episodes of the simulated cell, for training."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from jepa_wm_ros.training.recipe import Recipe

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('collect', help='collect episodes in the simulated cell')
    parser.add_argument('recipe', type=Path, help='recipe file, see config/recipes/')
    parser.add_argument(
        '--out',
        type=Path,
        help='HDF5 file (default: datasets/<name>.h5), or folder of bags (default: bags/<name>)',
    )
    parser.add_argument('--workers', type=int, default=2, help='processes (default: 2)')
    parser.add_argument('--episodes', type=int, help="how many (default: the recipe's)")
    parser.add_argument(
        '--through-ros',
        action='store_true',
        help='move the arm through the whole ROS graph and record a bag of each episode, for '
        '`jepa-wm dataset build`',
    )
    parser.add_argument(
        '--rate',
        type=float,
        default=1.0,
        help='through ROS: simulated seconds in a second, 0.1 to 2 (default: 1)',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Collect; prints where the dataset is."""
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.sim.collection import collect
    from jepa_wm_ros.worldmodel.bundle import check_cartesian

    recipe = _recipe(args)
    check_cartesian(recipe.model, args.recipe)
    if args.through_ros:
        return _through_ros(args, recipe)
    out = args.out or Path('datasets') / f'{recipe.dataset}.h5'
    console = Console()
    if out.exists():
        console.print(f'{out} exists already; delete it, or choose another place with --out')
        return 1
    out.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar('collecting', 'episodes', console) as bar:
        collect(recipe, out, max(1, args.workers), bar)
    frames = recipe.collection.episodes * (recipe.collection.steps + 1)
    console.print(f'{recipe.collection.episodes} episodes, {frames} frames: {out}')
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    """Return the recipe with what the command line changes."""
    from jepa_wm_ros.cli.eval import OptionError
    from jepa_wm_ros.training.recipe import read_recipe

    recipe = read_recipe(args.recipe)
    if args.episodes is None:
        return recipe
    try:
        collection = dataclasses.replace(recipe.collection, episodes=args.episodes)
    except ValueError as error:
        raise OptionError(f'--episodes: {error}') from error
    return dataclasses.replace(recipe, collection=collection)


def _through_ros(args: argparse.Namespace, recipe: Recipe) -> int:
    """Record bags; prints how to make a dataset of them."""
    from rich.console import Console

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.cli.collect_ros import BagCollection, collect_through_ros
    from jepa_wm_ros.cli.eval import OptionError

    if not 0.1 <= args.rate <= 2.0:
        raise OptionError(f'--rate must be within 0.1 .. 2, got {args.rate}')
    out = (args.out or Path('bags') / recipe.dataset).absolute()
    console = Console()
    model, _ = chosen_bundle(None)
    began = time.monotonic()
    wanted = BagCollection.of(recipe, rate=args.rate)
    new = collect_through_ros(wanted, out, model, console)
    minutes = (time.monotonic() - began) / 60
    there = recipe.collection.episodes
    console.print(f'{new} episodes recorded in {minutes:.1f} min; {there} are there: {out}')
    return 0
