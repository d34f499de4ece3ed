"""`jepa-wm inspect`: what a bundle takes and gives, and whether it loads and predicts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from torch import nn

    from jepa_wm_ros.worldmodel.protocol import WorldModel

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'inspect', help='say what a bundle takes and gives, and see whether it predicts'
    )
    parser.add_argument('bundle', type=Path, help='folder with model.yaml and model.safetensors')
    parser.add_argument('--device', default='cpu', help='torch device (default: cpu)')
    parser.add_argument('--no-load', action='store_true', help='read the contract only')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the contract in words, then load the model and predict with it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from jepa_wm_ros.worldmodel.bundle import load_contract
    from jepa_wm_ros.worldmodel.words import contract_words

    console = Console()
    contract = load_contract(args.bundle)
    table = Table.grid(padding=(0, 2))
    for subject, sentence in contract_words(contract):
        table.add_row(f'[bold]{subject}[/]', escape(sentence))
    table.add_row('[bold]fingerprint[/]', contract.fingerprint)
    console.print(table)
    if not args.no_load:
        _predict(args.bundle, args.device, console)
    return 0


def _predict(bundle: Path, device: str, console: Console) -> None:
    """Load the model, count its parameters and let it predict once."""
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.memory import peak_bytes
    from jepa_wm_ros.worldmodel.probe import probe

    started = time.perf_counter()
    model = load_bundle(bundle, device)
    console.print(f'loads in {time.perf_counter() - started:.1f} s')
    for name, count in parameter_counts(model).items():
        console.print(f'  {name}: {count:,} parameters')
    found = probe(model)
    tokens, numbers = found.tokens
    state = f', state of {found.proprio}' if found.proprio else ''
    console.print(f'a frame is {tokens} x {numbers} numbers{state}')
    console.print(
        f'encodes a picture in {found.encode_s:.2f} s, predicts 2 steps of 2 candidates in '
        f'{found.predict_s:.2f} s; took {peak_bytes() / 1e9:.2f} GB at most'
    )


def parameter_counts(model: WorldModel) -> dict[str, int]:
    """Count the parameters of each part of a model, and of all."""
    module = cast('nn.Module', model)
    counts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in module.named_children()
    }
    counts = {name: count for name, count in counts.items() if count}
    return {**counts, 'all': sum(parameter.numel() for parameter in module.parameters())}
