"""`jepa-wm import`: from published files to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.worldmodel.published.importing import ImportReport
    from jepa_wm_ros.worldmodel.published.presets import Preset

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DOWNLOADS = Path('downloads')
"""Where what is fetched by name goes."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'import',
        help='make a bundle of a published checkpoint',
        description='Every tensor of the file is used or knowingly left out; a missing, extra or '
        'misshapen one is an error that names it. Nothing is unpickled.',
    )
    parser.add_argument(
        'file',
        help='checkpoint (.pth.tar, .pt, .pth, .safetensors), or owner/repository[:file] on '
        'Hugging Face',
    )
    parser.add_argument(
        '--as',
        dest='preset',
        required=True,
        metavar='PRESET',
        help='what it is: a name of `jepa-wm models`, or a YAML file of your own',
    )
    parser.add_argument(
        '--encoder', metavar='FILE', help="the frozen encoder's own file, likewise"
    )
    parser.add_argument('--out', type=Path, help='bundle folder (default: models/<preset>)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import; prints what was taken and what was left out."""
    from rich.console import Console

    from jepa_wm_ros.worldmodel.published.download import local_file
    from jepa_wm_ros.worldmodel.published.importing import import_checkpoint
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(args.preset)
    out = args.out or Path('models') / preset.name
    console = Console()
    file = local_file(args.file, DOWNLOADS)
    encoder = local_file(args.encoder, DOWNLOADS) if args.encoder else None
    with console.status(f'importing {file.name} …'):
        report = import_checkpoint(preset, file, encoder, out)
    tell(preset, report, out, console)
    return 0


def tell(preset: Preset, report: ImportReport, out: Path, console: Console) -> None:
    """Print what an import did."""
    for part, count in report.parameters.items():
        published = preset.parameters.get(part)
        remark = '' if count == published else f' (published: {published or "unknown"})'
        console.print(f'  {part}: {count:,} parameters{remark}')
    for reason, count in report.ignored.items():
        console.print(f'  left out: {count} x {reason}')
    console.print(f'{out}: {preset.name}, licence {preset.contract.licence}')
    console.print(f'see what it takes and gives: jepa-wm inspect {out}')
