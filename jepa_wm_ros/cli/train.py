"""`jepa-wm train`: from a recipe and a dataset to a bundle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('train', help='train a world model')
    parser.add_argument('recipe', type=Path, help='recipe file, see config/recipes/')
    parser.add_argument('--data', type=Path, help='HDF5 file (default: datasets/<name>.h5)')
    parser.add_argument('--out', type=Path, help='bundle folder (default: models/<name>)')
    parser.add_argument('--seed', type=int, help="training seed (default: the recipe's)")
    parser.add_argument('--steps', type=int, help="optimisation steps (default: the recipe's)")
    parser.add_argument('--threads', type=int, default=0, help='CPU threads (default: all cores)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, resuming a checkpoint of the same recipe; prints what the model has understood."""
    import torch
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.data.episodes import read_episodes
    from jepa_wm_ros.training.pipeline import train
    from jepa_wm_ros.training.recipe import read_recipe

    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = read_recipe(args.recipe)
    changes = {'seed': args.seed, 'steps': args.steps}
    recipe = recipe.with_training(**{k: v for k, v in changes.items() if v is not None})
    out = args.out or Path('models') / recipe.model.name
    table = read_episodes(args.data or Path('datasets') / f'{recipe.model.name}.h5')
    console = Console()
    started = time.monotonic()
    with progress_bar('training', 'steps', console) as bar:
        try:
            validation = train(recipe, table, out, bar, console.print)
        except KeyboardInterrupt:
            console.print(f'interrupted; the same command goes on from {out}/checkpoint.pt')
            raise
    ahead = ', '.join(f'{error:.3f}' for error in validation.rollout_error)
    console.print(f'trained in {(time.monotonic() - started) / 60:.1f} min: {out}')
    console.print(f'  error of 1..{len(validation.rollout_error)} steps / copying: {ahead}')
    console.print(f'  linear position probe: {100 * validation.probe_rmse_m:.2f} cm')
    if validation.readout_rmse_m is not None:
        console.print(f'  its own position readout: {100 * validation.readout_rmse_m:.2f} cm')
    console.print(f'  effective rank {validation.effective_rank:.1f}')
    return 0
