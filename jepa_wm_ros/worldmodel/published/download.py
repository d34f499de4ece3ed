"""Fetching published files from where their makers keep them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.published.presets import PublishedFile

if TYPE_CHECKING:
    from collections.abc import Callable

HUB = 'https://huggingface.co'
CHUNK = 1 << 20
TIMEOUT_S = 20.0
HUB_NAME = re.compile(r'(?P<repo>[\w.-]+/[\w.-]+)(:(?P<file>[\w./-]+))?')
HUB_FILE = 'model.safetensors'
PROXIES = ('https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')


class DownloadError(JepaWmError):
    """A published file could not be fetched."""


def page(file: PublishedFile) -> str:
    """Return where people find a file."""
    return f'{HUB}/{file.repo}' if file.repo else file.url or file.terms


def local_file(name: str, folder: Path) -> Path:
    """Return a file by its path, or by its name on Hugging Face.

    Args:
        name: A path; or `owner/repository`, for the repository's `model.safetensors`, or
            `owner/repository:file`.
        folder: Where what is fetched goes.

    Raises:
        DownloadError: It is no file here, and could not be fetched.
    """
    found = HUB_NAME.fullmatch(name)
    if Path(name).exists() or found is None:
        return Path(name)
    repo = found['repo']
    file = PublishedFile(
        name=found['file'] or HUB_FILE, licence='', repo=repo, layout={}, parameters={}
    )
    try:
        return download(file, folder / repo.replace('/', '--'))
    except DownloadError as error:
        raise DownloadError(
            f'{name} is no file here; as a name on Hugging Face: {error}'
        ) from error


def download(
    file: PublishedFile,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Fetch a published file; one that is already there is kept.

    Args:
        file: What to fetch.
        folder: Where it goes.
        progress: Called with bytes done and bytes in all (0 where unknown).

    Returns:
        The file.

    Raises:
        DownloadError: It is not given freely, there is no network, or the server refuses.
    """
    target = folder / file.name
    if target.is_file():
        return target
    if not (file.repo or file.url):
        raise DownloadError(f'{file.name} cannot be downloaded by itself: {file.terms}')
    folder.mkdir(parents=True, exist_ok=True)
    _check_network(file)
    if file.repo:
        try:
            return _from_hub(file, folder)
        except ModuleNotFoundError as error:
            if not file.url:
                raise DownloadError(
                    'this needs the Python package huggingface_hub: `pip install '
                    f'huggingface_hub`; or fetch {file.name} of {page(file)} yourself'
                ) from error
    return _from_address(file, target, progress)


def _check_network(file: PublishedFile) -> None:
    """Ask for the host's address, so that no library tries for half a minute in vain."""
    if any(os.environ.get(name) for name in PROXIES):
        return
    host = urlsplit(page(file)).hostname or ''
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise DownloadError(
            f'{host} cannot be reached ({error.strerror or error}): is there a network here? '
            f'Fetch {file.name} of {page(file)} on another machine and use `jepa-wm import`'
        ) from error


def _from_hub(file: PublishedFile, folder: Path) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()
    target = folder / file.name
    try:
        hf_hub_download(file.repo, file.name, local_dir=folder)
    except GatedRepoError as error:
        raise DownloadError(
            f'{page(file)} is given to those who accepted its terms: do so there, then '
            '`hf auth login`'
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise DownloadError(f'{file.name} of {page(file)}: {_first_line(error)}') from error
    return target


def _from_address(file: PublishedFile, target: Path, progress: Callable[[int, int], None]) -> Path:
    partial = target.with_name(f'{target.name}.partial')
    try:
        with (
            urllib.request.urlopen(file.url, timeout=TIMEOUT_S) as answer,
            partial.open('wb') as out,
        ):
            total, done = int(answer.headers.get('Content-Length') or 0), 0
            while chunk := answer.read(CHUNK):
                out.write(chunk)
                done += len(chunk)
                progress(done, total)
    except urllib.error.URLError as error:
        raise DownloadError(f'{file.url}: {getattr(error, "reason", error)}') from error
    except (TimeoutError, ConnectionError) as error:
        raise DownloadError(f'{file.url}: {_first_line(error)}; try again') from error
    if total and done != total:
        raise DownloadError(f'{file.url}: the connection ended after {done} of {total} bytes')
    shutil.move(partial, target)
    return target


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
