"""`jepa-wm download`: fetch the published files of a preset and make a bundle of them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.worldmodel.published.presets import PublishedFile

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


class LicenceError(JepaWmError):
    """A licence was not accepted."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'download',
        help='fetch a published model and make a bundle of it',
        description='Says under which licence the files are, and asks. They come from Hugging '
        "Face or from their makers' servers.",
    )
    parser.add_argument('preset', help='a name of `jepa-wm models`')
    parser.add_argument(
        '--accept-licence', action='store_true', help='accept the licences without being asked'
    )
    parser.add_argument('--encoder', type=Path, help='the encoder, where you have it already')
    parser.add_argument(
        '--files', type=Path, default=Path('downloads'), help='where the files go (downloads)'
    )
    parser.add_argument('--out', type=Path, help='bundle folder (default: models/<preset>)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, fetch, import."""
    from rich.console import Console

    from jepa_wm_ros.cli.importing import tell
    from jepa_wm_ros.worldmodel.published.importing import import_checkpoint
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(args.preset)
    files = dict(preset.files)
    if args.encoder is not None:
        files.pop('encoder', None)
    console = Console()
    _accept(files, args.accept_licence, console)
    folder = args.files / preset.name
    paths = _fetch(files, folder, console)
    out = args.out or Path('models') / preset.name
    with console.status('importing …'):
        report = import_checkpoint(
            preset, paths['checkpoint'], args.encoder or paths.get('encoder'), out
        )
    tell(preset, report, out, console)
    console.print(f'the bundle needs {folder} no more')
    return 0


def _accept(files: dict[str, PublishedFile], accepted: bool, console: Console) -> None:
    """State the licences and have them accepted.

    Raises:
        LicenceError: They were not.
    """
    from jepa_wm_ros.worldmodel.published.download import page

    for role, file in files.items():
        console.print(f'{role}: {file.name}, licence {file.licence} ({page(file)})')
    if accepted:
        return
    if not sys.stdin.isatty():
        raise LicenceError('read the licences, and accept them with --accept-licence')
    if console.input('Do you accept these licences? [yes/no] ').strip().lower() != 'yes':
        raise LicenceError('nothing is downloaded without the licences being accepted')


def _fetch(files: dict[str, PublishedFile], folder: Path, console: Console) -> dict[str, Path]:
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.worldmodel.published.download import DownloadError, download

    stuck = [file for file in files.values() if file.terms and not (folder / file.name).is_file()]
    for file in stuck:
        if not (file.repo or file.url):
            raise DownloadError(f'{file.name} cannot be downloaded by itself: {file.terms}')
    paths = {}
    for role, file in files.items():
        if file.repo and find_spec('huggingface_hub'):  # shows its own progress
            paths[role] = download(file, folder)
            continue
        with progress_bar(file.name, 'MB', console) as bar:
            paths[role] = download(
                file, folder, lambda done, total: bar(done / 1e6, max(done, total) / 1e6)
            )
    return paths
