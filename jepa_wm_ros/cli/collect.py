"""`jepa-wm collect`: episodes of the simulated cell, for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('collect', help='collect episodes in the simulated cell')
    parser.add_argument('recipe', type=Path, help='recipe file, see config/recipes/')
    parser.add_argument('--out', type=Path, help='HDF5 file (default: datasets/<name>.h5)')
    parser.add_argument('--workers', type=int, default=2, help='processes (default: 2)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Collect; prints where the dataset is."""
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.sim.collection import collect
    from jepa_wm_ros.training.recipe import read_recipe
    from jepa_wm_ros.worldmodel.bundle import check_cartesian

    recipe = read_recipe(args.recipe)
    check_cartesian(recipe.model, args.recipe)
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
