"""`jepa-wm head`: train heads of a model, and say what heads it has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.cli.bundles import SHIPPED
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.training.heads.settings import BATCH, STEPS, HeadTraining, LabelSettings

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.training.heads.making import HeadOrder

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

WHAT = {
    'decoder': 'turns latents into pictures: for RViz, reports and videos',
    'probe': 'reads the position of the flange',
    'reward': 'says how likely a latent is a success: for planning with value_head',
}


class HeadArgumentError(JepaWmError):
    """Arguments that do not fit together."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-commands and their arguments."""
    parser = subparsers.add_parser(
        'head', help='train heads of a model, list them, or draw what a decoder makes of episodes'
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    train = commands.add_parser(
        'train',
        help='train a head beside a model that stays as it is',
        description='Encodes the frames of a dataset once, trains a small network on the latents '
        'and writes it into the folder of the model. Interrupted, the same command goes on.',
    )
    kinds = train.add_subparsers(metavar='KIND', dest='kind', required=True)
    for kind, what in WHAT.items():
        _add_kind(kinds, kind, what)
    show = commands.add_parser('list', help='show the heads of a model, and what they measured')
    _add_model(show)
    show.set_defaults(run=list_heads)
    draw = commands.add_parser('show', help='draw what a decoder makes of some episodes')
    draw.add_argument('name', nargs='?', default='decoder', help='default: decoder')
    _add_model(draw)
    _add_data(draw)
    draw.set_defaults(run=show_decoder)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--model', type=Path, help=f'bundle (default: the shipped model {SHIPPED})'
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--data', type=Path, help="HDF5 file (default: the model's, in datasets/)")
    parser.add_argument(
        '--picture', type=Path, help='PNG to write (default: runs/heads/<model>-<name>.png)'
    )


def _add_kind(kinds: Subparsers, kind: str, what: str) -> None:
    parser = kinds.add_parser(kind, help=what, description=f'A {kind} {what}.')
    _add_model(parser)
    _add_data(parser)
    parser.add_argument('--name', default=kind, help=f'name of the head (default: {kind})')
    parser.add_argument(
        '--episodes', type=int, default=300, help='of the dataset, a tenth held out (default: 300)'
    )
    parser.add_argument('--steps', type=int, default=STEPS[kind], help=f'default: {STEPS[kind]}')
    parser.add_argument('--batch', type=int, default=BATCH[kind], help=f'default: {BATCH[kind]}')
    parser.add_argument('--learning-rate', type=float, default=2e-3, help='default: 2e-3')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=int, default=0, help='CPU threads (default: all cores)')
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    if kind == 'probe':
        parser.add_argument(
            '--hidden', type=int, nargs='+', default=[], help='hidden layers (default: linear)'
        )
    if kind == 'reward':
        _add_labels(parser)
    parser.set_defaults(run=train_head)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--reach',
        type=float,
        metavar='M',
        help='a success is to be this near to where the goal picture shows the flange [m]',
    )
    parser.add_argument(
        '--region',
        type=float,
        nargs=4,
        metavar=('X', 'Y', 'Z', 'RADIUS'),
        help='a success is to be in this ball in the base frame [m]; without --reach and --region '
        'the column success of the dataset says it',
    )
    parser.add_argument(
        '--discount',
        type=float,
        default=0.0,
        help='a frame k steps before a success counts DISCOUNT^k (default: 0, a reward)',
    )


def train_head(args: argparse.Namespace) -> int:
    """Train a head; prints what was measured on held-out episodes and draws a picture."""
    import torch
    from rich.console import Console

    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.data.episodes import read_episodes
    from jepa_wm_ros.evaluation.head_pictures import write_head_picture
    from jepa_wm_ros.training.heads.making import make_head, material_for
    from jepa_wm_ros.worldmodel.bundle import load_bundle

    if args.threads:
        torch.set_num_threads(args.threads)
    order, console, started = _order(args), Console(), time.monotonic()
    folder = _folder(args.model)
    model = load_bundle(folder, args.device)
    name = model.contract.name
    data = args.data or Path('datasets') / f'{name}.h5'
    table = read_episodes(data, args.episodes)
    try:
        with progress_bar('encoding', 'pictures', console) as bar:
            material = material_for(order, model, table, bar)
        with progress_bar('training', 'steps', console) as bar:
            task, record = make_head(order, material, data, bar)
    except KeyboardInterrupt:
        console.print('interrupted; the same command goes on where it was')
        raise
    minutes = (time.monotonic() - started) / 60
    where = folder / 'heads' / f'{order.name}.yaml'
    console.print(f'trained in {minutes:.1f} min: {where}', soft_wrap=True)
    _tell(record.results, console)
    picture = _picture(args, name)
    console.print(f'picture: {write_head_picture(task, material, picture)}', soft_wrap=True)
    return 0


def show_decoder(args: argparse.Namespace) -> int:
    """Draw what a decoder makes of the first episodes of a dataset."""
    from rich.console import Console

    from jepa_wm_ros.data.episodes import read_episodes
    from jepa_wm_ros.evaluation.head_pictures import EPISODES, write_decoded
    from jepa_wm_ros.training.heads.material import excerpt
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.heads import load_decoder

    folder = _folder(args.model)
    model = load_bundle(folder)
    name = model.contract.name
    decoder = load_decoder(folder, model, args.name)
    if decoder is None:
        raise HeadArgumentError(
            f'{folder} has no head {args.name!r}; `jepa-wm head train decoder` makes one'
        )
    table = read_episodes(args.data or Path('datasets') / f'{name}.h5', EPISODES)
    picture = _picture(args, name)
    write_decoded(decoder, excerpt(model, table, np.arange(table.episodes)), picture)
    Console().print(f'picture: {picture}', soft_wrap=True)
    return 0


def list_heads(args: argparse.Namespace) -> int:
    """Print the heads of a model, whether they are its own, and what was measured."""
    from rich.console import Console

    from jepa_wm_ros.worldmodel.bundle import load_contract
    from jepa_wm_ros.worldmodel.heads.storage import head_names, read_record

    console, folder = Console(), _folder(args.model)
    contract = load_contract(folder)
    names = head_names(folder)
    if not names:
        console.print(f'{folder} has no heads; `jepa-wm head train` makes them', soft_wrap=True)
    for name in names:
        record = read_record(folder, name)
        if record is None:
            continue
        own = record.fingerprint == contract.fingerprint
        stale = '' if own else f' - of other weights ({record.fingerprint}): train it again'
        console.print(f'[bold]{name}[/], a {record.kind}{stale}')
        _tell(record.results, console)
    return 0


def _order(args: argparse.Namespace) -> HeadOrder:
    from jepa_wm_ros.training.heads.making import HeadOrder

    try:
        training = HeadTraining(
            steps=args.steps, batch=args.batch, learning_rate=args.learning_rate, seed=args.seed
        )
        labels = LabelSettings()
        if args.kind == 'reward':
            region = None if args.region is None else tuple(args.region)
            labels = LabelSettings(reach_m=args.reach, region=region, discount=args.discount)
        hidden = tuple(args.hidden) if args.kind == 'probe' else ()
        return HeadOrder(
            kind=args.kind, name=args.name, training=training, hidden=hidden, labels=labels
        )
    except ValueError as error:
        raise HeadArgumentError(str(error)) from error


def _picture(args: argparse.Namespace, model: str) -> Path:
    chosen: Path | None = args.picture
    return chosen or Path('runs') / 'heads' / f'{model}-{args.name}.png'


def _folder(model: Path | None) -> Path:
    from jepa_wm_ros.paths import share

    return model or share('models', SHIPPED)


def _tell(results: dict[str, Any], console: Console) -> None:
    for name, value in results.items():
        console.print(f'  {name.replace("_", " ")}: {_words(value)}', highlight=False)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{name} {_words(each)}' for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ', '.join(_words(each) for each in value)
    return f'{value:g}' if isinstance(value, float) else str(value)
