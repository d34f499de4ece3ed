"""Published files are fetched, or one line says why not; nothing is left half done."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from jepa_wm_ros.worldmodel.published import download as module
from jepa_wm_ros.worldmodel.published.download import (
    DownloadError,
    download,
    local_file,
    page,
)
from jepa_wm_ros.worldmodel.published.presets import PublishedFile

CONTENTS = b'weights' * 1000


def published(**changes) -> PublishedFile:
    fields = {'name': 'weights.pt', 'licence': 'MIT', 'layout': {}, 'parameters': {}}
    return PublishedFile(**{**fields, **changes})


@pytest.fixture
def server():
    """Serves /weights.pt; /short announces more than it sends; anything else is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = len(CONTENTS) + (10 if self.path == '/short' else 0)
            self.send_response(200 if self.path in ('/weights.pt', '/short') else 404)
            self.send_header('Content-Length', str(length))
            self.end_headers()
            self.wfile.write(CONTENTS)

        def log_message(self, *args) -> None:
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hub(monkeypatch):
    """Stands for huggingface_hub; takes the function that is called for a file."""

    class GatedRepoError(OSError):
        pass

    def install(fetch) -> type:
        errors = SimpleNamespace(GatedRepoError=GatedRepoError, HfHubHTTPError=OSError)
        logging = SimpleNamespace(set_verbosity_error=lambda: None)
        package = SimpleNamespace(hf_hub_download=fetch)
        monkeypatch.setitem(sys.modules, 'huggingface_hub', package)
        monkeypatch.setitem(sys.modules, 'huggingface_hub.errors', errors)
        utils = SimpleNamespace(logging=logging)
        monkeypatch.setitem(sys.modules, 'huggingface_hub.utils', utils)
        monkeypatch.setattr(module.socket, 'getaddrinfo', lambda *_: [])
        return GatedRepoError

    return install


def test_a_file_is_fetched_from_its_address(server: str, tmp_path: Path) -> None:
    seen = []
    file = published(url=f'{server}/weights.pt')
    path = download(file, tmp_path / 'new', lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENTS
    assert seen[-1] == (len(CONTENTS), len(CONTENTS))


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / 'weights.pt').write_bytes(b'mine')
    assert download(published(url='http://nowhere.invalid/'), tmp_path).read_bytes() == b'mine'


@pytest.mark.parametrize(('place', 'words'), [('short', 'ended after'), ('missing', 'Not Found')])
def test_a_failed_transfer_leaves_no_file(
    server: str, tmp_path: Path, place: str, words: str
) -> None:
    with pytest.raises(DownloadError, match=words):
        download(published(url=f'{server}/{place}'), tmp_path)
    assert not (tmp_path / 'weights.pt').exists()


def test_without_a_network_it_says_what_to_do(monkeypatch, tmp_path: Path) -> None:
    def unknown(*_):
        raise socket.gaierror(-2, 'Name or service not known')

    monkeypatch.setattr(module.socket, 'getaddrinfo', unknown)
    for name in module.PROXIES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DownloadError) as caught:
        download(published(repo='some/one'), tmp_path)
    message = str(caught.value)
    assert 'huggingface.co cannot be reached' in message
    assert 'weights.pt of https://huggingface.co/some/one' in message
    assert '\n' not in message


def test_a_proxy_is_left_to_find_the_way(monkeypatch, server: str, tmp_path: Path) -> None:
    monkeypatch.setattr(module.socket, 'getaddrinfo', None)
    monkeypatch.setenv('HTTPS_PROXY', 'http://proxy.invalid:1')
    module._check_network(published(url=server))


def test_a_file_of_the_hub_is_asked_for_by_name(hub, tmp_path: Path) -> None:
    asked = []

    def fetch(repo, name, local_dir):
        asked.append((repo, name))
        (Path(local_dir) / name).write_bytes(CONTENTS)

    hub(fetch)
    assert download(published(repo='some/one'), tmp_path).read_bytes() == CONTENTS
    assert asked == [('some/one', 'weights.pt')]


def test_terms_that_are_not_accepted_are_named(hub, tmp_path: Path) -> None:
    def fetch(*_, **__):
        raise gated('no')

    gated = hub(fetch)
    with pytest.raises(DownloadError, match='accepted its terms'):
        download(published(repo='some/one'), tmp_path)


def test_errors_of_the_hub_are_one_line(hub, tmp_path: Path) -> None:
    def fetch(*_, **__):
        raise OSError('404 Client Error\nlots of\nmore')

    hub(fetch)
    with pytest.raises(DownloadError, match=r'404 Client Error$'):
        download(published(repo='some/one'), tmp_path)


def test_the_missing_package_is_named_where_it_is_the_only_way(
    hub, monkeypatch, tmp_path: Path
) -> None:
    hub(None)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(DownloadError, match='pip install huggingface_hub'):
        download(published(repo='some/one'), tmp_path)


def test_without_the_package_another_address_is_taken(
    hub, monkeypatch, server: str, tmp_path: Path
) -> None:
    hub(None)
    monkeypatch.undo()
    monkeypatch.setenv('HTTPS_PROXY', 'http://proxy.invalid:1')
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    file = published(repo='some/one', url=f'{server}/weights.pt')
    assert download(file, tmp_path).read_bytes() == CONTENTS


def test_what_is_given_to_some_only_is_not_tried(tmp_path: Path) -> None:
    file = published(terms='ask at the counter')
    with pytest.raises(DownloadError, match='ask at the counter'):
        download(file, tmp_path)
    assert page(file) == 'ask at the counter'


def test_a_name_on_hugging_face_is_fetched_into_a_folder_of_its_own(hub, tmp_path: Path) -> None:
    asked = []

    def fetch(repo: str, name: str, local_dir: Path) -> None:
        asked.append((repo, name))
        (local_dir / name).write_bytes(CONTENTS)

    hub(fetch)
    one = local_file('facebook/dinov2-small', tmp_path)
    other = local_file('somebody/lewm:weights.pt', tmp_path)
    assert asked == [
        ('facebook/dinov2-small', 'model.safetensors'),
        ('somebody/lewm', 'weights.pt'),
    ]
    assert one.read_bytes() == other.read_bytes() == CONTENTS
    assert one.parent != other.parent


def test_a_path_that_is_there_is_never_looked_for_elsewhere(
    hub, tmp_path: Path, monkeypatch
) -> None:
    hub(lambda *_, **__: pytest.fail('asked the hub'))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'weights').write_bytes(b'mine')
    assert local_file('mine/weights', tmp_path) == Path('mine/weights')


def test_a_misspelt_path_is_told_as_both(hub, tmp_path: Path) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise OSError('404: no such repository')

    hub(fetch)
    with pytest.raises(DownloadError, match=r'modles/x is no file here.*404'):
        local_file('modles/x', tmp_path)
