"""`jepa-wm models`: the published models that are known, and the bundles that are here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

    from jepa_wm_ros.worldmodel.published.presets import Preset

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'models', help='list the published models that are known, and the bundles that are here'
    )
    parser.add_argument(
        '--folder', type=Path, default=Path('models'), help='where bundles are (default: models)'
    )
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one row for each preset, and one for each further bundle."""
    from rich.console import Console

    rows = describe(args.folder)
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    console = Console()
    console.print(_table(rows))
    console.print(
        'jepa-wm download PRESET fetches one; jepa-wm import FILE --as PRESET takes yours'
    )
    return 0


def describe(folder: Path) -> list[dict[str, Any]]:
    """Describe presets and bundles.

    Args:
        folder: Where bundles are looked for, beside those that the package ships.
    """
    from jepa_wm_ros.paths import share
    from jepa_wm_ros.worldmodel.published.presets import load_preset, preset_names

    here: dict[str, dict[str, Any]] = {}
    for place in (share('models'), folder):
        for path in sorted(place.glob('*/')):
            row = _bundle_row(path)
            here[row['name']] = row
    rows = []
    for name in preset_names():
        found = here.pop(name, None)
        rows.append(_preset_row(load_preset(name), found['here'] if found else ''))
    return rows + list(here.values())


def _preset_row(preset: Preset, here: str) -> dict[str, Any]:
    from jepa_wm_ros.worldmodel.words import encoder_name

    licences = [file.licence for file in preset.files.values()]
    return {
        'name': preset.name,
        'family': preset.contract.family,
        'encoder': encoder_name(preset.contract),
        'parameters': sum(preset.parameters.values()),
        'step_duration_s': preset.contract.step_duration_s,
        'licence': ' + '.join(dict.fromkeys(licences)),
        'here': here,
    }


def _bundle_row(path: Path) -> dict[str, Any]:
    """Describe a folder; one that is no bundle says so."""
    from jepa_wm_ros.worldmodel.bundle import WEIGHTS_FILE, BundleError, read_contract
    from jepa_wm_ros.worldmodel.weights import WeightsError, read_entries
    from jepa_wm_ros.worldmodel.words import encoder_name

    row: dict[str, Any] = {'name': path.name, 'here': f'{path} is damaged'}
    row |= dict.fromkeys(('family', 'encoder', 'licence'), '')
    row |= dict.fromkeys(('parameters', 'step_duration_s'))
    try:
        contract = read_contract(path)
        entries = read_entries(path / WEIGHTS_FILE)
    except (BundleError, WeightsError):
        return row
    return {
        'name': contract.name,
        'family': contract.family,
        'encoder': encoder_name(contract),
        'parameters': sum(entry.count for entry in entries if entry.dtype.startswith('float')),
        'step_duration_s': contract.step_duration_s,
        'licence': contract.licence,
        'here': str(path),
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    # a name is what people type: it is never cut, however narrow the terminal is
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ('name', 'family', 'encoder'):
        table.add_column(name, no_wrap=name != 'encoder', overflow='fold')
    table.add_column('size', justify='right', no_wrap=True)
    table.add_column('step', justify='right')
    for name in ('licence', 'here'):
        table.add_column(name, overflow='fold')
    for row in rows:
        count, step = row['parameters'], row['step_duration_s']
        table.add_row(
            row['name'],
            row['family'],
            row['encoder'],
            '-' if count is None else f'{count / 1e6:,.2f} M',
            '-' if step is None else f'{step:g} s',
            row['licence'],
            row['here'] or '-',
        )
    return table
