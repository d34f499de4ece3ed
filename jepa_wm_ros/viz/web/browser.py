"""A browser without a window: opens a page, clicks, takes pictures.

Speaks the Chrome DevTools protocol (https://chromedevtools.github.io/devtools-protocol) to a
Chromium or Chrome of the system, so that neither a driver nor a download is needed.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from jepa_wm_ros.errors import JepaWmError

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')
"""Programs that are looked for, in this order."""
VARIABLE = 'JEPA_WM_BROWSER'
"""Environment variable that names another one."""
_FLAGS = (
    '--headless=new',
    '--no-first-run',
    '--no-default-browser-check',
    '--disable-extensions',
    '--disable-dev-shm-usage',
    '--hide-scrollbars',
    # the scene needs WebGL, and there may be no graphics card
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--remote-debugging-port=0',
)
_TEXT = 'document.body ? document.body.innerText : ""'
_START_S = 60.0
_ANSWER_S = 120.0
_LOOK_S = 0.1


class BrowserError(JepaWmError):
    """There is no browser, or it does not do what it should."""


def find_browser() -> str | None:
    """Return the path of a browser; None when there is none."""
    named = os.environ.get(VARIABLE, '')
    return shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)


class Browser:
    """One page in a headless browser; use it as a context manager.

    Args:
        width: Of the page [px].
        height: Of the page [px].

    Raises:
        BrowserError: No browser is installed, or it does not start.
    """

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        program = find_browser()
        if program is None:
            raise BrowserError(
                'no browser found; install one (sudo apt install chromium), or name it in '
                f'{VARIABLE}'
            )
        self._folder = tempfile.TemporaryDirectory(
            prefix='jepa-wm-browser-', ignore_cleanup_errors=True
        )
        flags = [
            *_FLAGS,
            f'--user-data-dir={self._folder.name}',
            f'--window-size={width},{height}',
        ]
        if os.getuid() == 0:
            flags.append('--no-sandbox')  # its sandbox refuses to work for root
        self._process = subprocess.Popen(
            [program, *flags, 'about:blank'],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = itertools.count(1)
        self._socket: Any = None
        try:
            self._connect(width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def open(self, address: str) -> None:
        """Go to an address; returns before the page is complete."""
        self._call('Page.navigate', url=address)

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression.

        Raises:
            BrowserError: The script fails.
        """
        answer = self._call(
            'Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True
        )
        if 'exceptionDetails' in answer:
            raise BrowserError(
                f'the script {script!r} fails: {answer["exceptionDetails"]["text"]}'
            )
        return answer['result'].get('value')

    def wait_for(self, script: str, timeout_s: float = 30.0) -> Any:
        """Wait until an expression is true; returns its value.

        Raises:
            BrowserError: It was not in time.
        """
        deadline = time.monotonic() + timeout_s
        while not (value := self.evaluate(script)):
            if time.monotonic() > deadline:
                said = self.text()
                raise BrowserError(
                    f'not within {timeout_s:g} s: {script}; the page says: {said!r}'
                )
            time.sleep(_LOOK_S)
        return value

    def text(self) -> str:
        """Return the text of the page."""
        return str(self.evaluate(_TEXT))

    def wait_for_text(self, text: str, timeout_s: float = 30.0) -> None:
        """Wait until the page says something.

        Raises:
            BrowserError: It did not in time.
        """
        self.wait_for(f'({_TEXT}).includes({json.dumps(text)})', timeout_s)

    def click(self, label: str) -> None:
        """Click on the button with a label, as soon as it is there.

        Raises:
            BrowserError: There is none.
        """
        button = (
            '[...document.querySelectorAll("button")]'
            f'.find(b => b.innerText.trim() === {json.dumps(label)})'
        )
        self.wait_for(f'!!{button}')
        self.evaluate(f'{button}.click()')

    def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode(self._call('Page.captureScreenshot', format='png')['data'])

    def close(self) -> None:
        """End the browser."""
        if self._socket is not None:
            with suppress(Exception):
                self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _connect(self, width: int, height: int) -> None:
        from websockets.sync.client import connect

        port = self._port()
        request = Request(f'http://127.0.0.1:{port}/json/new?about:blank', method='PUT')
        try:
            with urlopen(request, timeout=_ANSWER_S) as answer:
                page = json.load(answer)['webSocketDebuggerUrl']
        except (URLError, OSError) as error:
            raise BrowserError(f'the browser does not answer: {error}') from error
        self._socket = connect(page, max_size=None, open_timeout=_ANSWER_S, proxy=None)
        self._socket.__enter__()
        size = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
        self._call('Emulation.setDeviceMetricsOverride', **size)

    def _port(self) -> int:
        """Return the port that the browser has chosen; it writes it into its folder."""
        file = Path(self._folder.name, 'DevToolsActivePort')
        deadline = time.monotonic() + _START_S
        while not (file.is_file() and file.read_text().count('\n')):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BrowserError(f'the browser {self._process.args!r} does not start')
            time.sleep(_LOOK_S)
        return int(file.read_text().splitlines()[0])

    def _receive(self) -> Any:
        try:
            return self._socket.recv(timeout=_ANSWER_S)
        except (TimeoutError, EOFError) as error:
            raise BrowserError(f'the browser does not answer: {error}') from error

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come between are dropped."""
        number = next(self._numbers)
        self._socket.send(json.dumps({'id': number, 'method': method, 'params': parameters}))
        deadline = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline:
            answer = json.loads(self._receive())
            if answer.get('id') == number:
                if 'error' in answer:
                    raise BrowserError(f'{method}: {answer["error"]["message"]}')
                result: dict[str, Any] = answer['result']
                return result
        raise BrowserError(f'the browser does not answer {method}')
