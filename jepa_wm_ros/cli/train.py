"""`jepa-wm train`: from a recipe and a dataset to a bundle."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.training.recipe import Recipe
    from jepa_wm_ros.training.validation import Validation

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'train',
        help='train a world model',
        epilog='On several GPUs or machines: torchrun … --no-python jepa-wm train RECIPE',
    )
    parser.add_argument('recipe', type=Path, help='recipe file, see config/recipes/')
    parser.add_argument(
        '--data', type=Path, help="HDF5 file (default: the recipe's, in datasets/)"
    )
    parser.add_argument('--out', type=Path, help='bundle folder (default: models/<name>)')
    parser.add_argument('--seed', type=int, help="training seed (default: the recipe's)")
    parser.add_argument('--steps', type=int, help="optimisation steps (default: the recipe's)")
    parser.add_argument('--batch', type=int, help="clips in a step (default: the recipe's)")
    parser.add_argument('--threads', type=int, default=0, help='CPU threads (default: all cores)')
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    parser.add_argument(
        '--cache-features',
        action='store_true',
        help='run a frozen encoder once over all pictures, into a file beside the bundle',
    )
    parser.add_argument(
        '--shard',
        action='store_true',
        help='under torchrun: spread weights, gradients and optimiser over the processes (FSDP), '
        'for models too large for one device; else each has all of them (DDP)',
    )
    parser.add_argument(
        '--tensorboard', type=Path, metavar='FOLDER', help='write figures for TensorBoard'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, resuming a checkpoint of the same recipe; prints what the model has understood."""
    import torch
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.data.episodes import read_episodes
    from jepa_wm_ros.training.board import Board
    from jepa_wm_ros.training.pipeline import RunOptions, train
    from jepa_wm_ros.training.team import joined

    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = _recipe(args)
    out = args.out or Path('models') / recipe.model.name
    table = read_episodes(args.data or Path('datasets') / f'{recipe.dataset}.h5')
    started = time.monotonic()
    with ExitStack() as stack:
        team, device = stack.enter_context(joined(torch.device(args.device)))
        console = Console(quiet=not team.writes)
        board = None
        if args.tensorboard and team.writes:
            board = stack.enter_context(closing(Board(args.tensorboard)))
        options = RunOptions(
            team=team,
            device=device,
            cache_features=args.cache_features,
            sharded=args.shard,
            board=board,
        )
        bar = stack.enter_context(progress_bar('training', 'steps', console))
        try:
            validation = train(recipe, table, out, bar, console.print, options)
        except KeyboardInterrupt:
            console.print(f'interrupted; the same command goes on from {out}/checkpoint.pt')
            raise
    if validation is not None:
        console.print(f'trained in {(time.monotonic() - started) / 60:.1f} min: {out}')
        _tell(validation, console)
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    """Return the recipe with what the command line changes."""
    from jepa_wm_ros.training.recipe import read_recipe

    changes = {name: getattr(args, name) for name in ('seed', 'steps', 'batch')}
    given = {name: value for name, value in changes.items() if value is not None}
    return read_recipe(args.recipe).with_training(**given)


def _tell(validation: Validation, console: Console) -> None:
    ahead = ', '.join(f'{error:.3f}' for error in validation.rollout_error)
    console.print(f'  error of 1..{len(validation.rollout_error)} steps / copying: {ahead}')
    console.print(f'  linear position probe: {100 * validation.probe_rmse_m:.2f} cm')
    if validation.readout_rmse_m is not None:
        console.print(f'  its own position readout: {100 * validation.readout_rmse_m:.2f} cm')
    console.print(f'  effective rank {validation.effective_rank:.1f} of {validation.numbers}')
