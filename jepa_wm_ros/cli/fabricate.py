"""`jepa-wm fabricate`: files like the published ones with random weights, and trials with them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

ALL = 'all'


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'fabricate',
        help='make files like published ones with random weights, or try presets with them',
        description='With --out: writes the checkpoint of a preset, and its encoder beside it '
        'where that is a file of its own, with published names and shapes and random weights. '
        'With --check: does so for each preset, imports, loads and predicts at full size, and '
        'compares parameters and peak memory.',
    )
    parser.add_argument('presets', nargs='+', metavar='PRESET', help=f'presets, or `{ALL}`')
    parser.add_argument('--out', type=Path, help='file to write (with --check: folder of results)')
    parser.add_argument('--check', action='store_true', help='import, load and predict, too')
    parser.add_argument(
        '--work', type=Path, help='folder for files of up to 11 GB during a check (default: /tmp)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the weights (default: 0)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fabricate, or try; 1 when a trial failed."""
    from rich.console import Console

    from jepa_wm_ros.worldmodel.published.presets import preset_names

    names = preset_names() if args.presets == [ALL] else args.presets
    console = Console()
    if args.check:
        return _check(names, args.out, args.work, console)
    if len(names) != 1 or args.out is None:
        raise JepaWmError('name one preset and its file with --out; several need --check')
    _write(names[0], args.out, args.seed, console)
    return 0


def _write(name: str, out: Path, seed: int, console: Console) -> None:
    from jepa_wm_ros.worldmodel.published.fabrication import fabricate
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(name)
    paths = {'checkpoint': out}
    if preset.encoder is not None:
        paths['encoder'] = out.with_name(preset.encoder.name)
    for role, path in paths.items():
        with console.status(f'writing {path} …'):
            size = fabricate(preset.layout(role), path, preset.files[role].ignored, seed)
        console.print(f'{role}: {path}, {size / 1e6:,.0f} MB of random weights')
    encoder = f' --encoder {paths["encoder"]}' if 'encoder' in paths else ''
    console.print(f'import them: jepa-wm import {out} --as {name}{encoder}')


def _check(names: list[str], out: Path | None, work: Path | None, console: Console) -> int:
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.cli.runs import run_folder
    from jepa_wm_ros.worldmodel.published.trial import try_preset

    folder = run_folder('fabricate', out)
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix='jepa-wm-', dir=work) as place,
        progress_bar('trying', 'presets', console) as bar,
    ):
        for i, name in enumerate(names):

            def told(stage: str, done: int = i, name: str = name) -> None:
                bar(done, len(names), f'{name}: {stage}')

            try:
                rows.append(try_preset(name, Path(place), told))
            except JepaWmError as error:
                rows.append({'preset': name, 'passed': False, 'error': str(error)})
            bar(i + 1, len(names))
    summary = folder / 'summary.json'
    summary.write_text(json.dumps(rows, indent=1) + '\n')
    console.print(_table(rows))
    console.print(f'figures: {summary}')
    failed = [row for row in rows if not row['passed']]
    for row in failed:
        console.print(f'{row["preset"]}: {row.get("error", "counts or memory are off")}')
    return 1 if failed else 0


def _table(rows: list[dict[str, Any]]) -> Table:
    """Lay the figures out; peaks are in multiples of the weights."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column('preset', no_wrap=True)
    for name in ('parameters', 'import (peak)', 'load (peak)', 'predict', 'good'):
        table.add_column(name, justify='right', no_wrap=True)
    for row in rows:
        figures = ['-'] * 4
        if 'parameters' in row:
            figures = [
                f'{sum(row["parameters"].values()) / 1e6:,.2f} M',
                f'{row["import_s"]:.1f} s ({row["import_peak"]:.2f})',
                f'{row["load_s"]:.1f} s ({row["load_peak"]:.2f})',
                f'{row["encode_s"] + row["predict_s"]:.1f} s',
            ]
        table.add_row(row['preset'], *figures, 'yes' if row['passed'] else '[red]no[/]')
    return table
