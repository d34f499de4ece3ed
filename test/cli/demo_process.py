"""A demo in a process of its own, watched from outside as a person would watch it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class DemoProcess:
    """`jepa-wm demo` with its output in a file; `folder` is where its results go."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self._output = folder.with_suffix('.txt')
        with self._output.open('w') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'demo', '--out', folder, *options],
                env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    @property
    def summary(self) -> dict:
        return json.loads((self.folder / 'summary.json').read_text())

    def log(self, name: str) -> str:
        path = self.folder / 'logs' / f'{name}.log'
        return path.read_text() if path.exists() else ''

    def wait_until(self, condition, timeout_s: float = 90.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert self.process.poll() is None, f'ended too early:\n{self.said}'
            assert time.monotonic() < deadline, f'not within {timeout_s} s:\n{self.said}'
            time.sleep(0.01)

    def interrupt(self) -> None:
        """What a terminal does at Ctrl-C: a signal to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def result(self, timeout_s: float = 200.0) -> int:
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def children(self) -> dict[str, int]:
        """Process ids of the graph's processes by name, as long as they live."""
        found = {}
        for entry in Path('/proc').glob('[0-9]*'):
            try:
                words = (entry / 'cmdline').read_bytes().split(b'\0')
            except OSError:
                continue  # it has just ended
            if b'jepa_wm_ros.ros.child' in words:
                at = words.index(b'jepa_wm_ros.ros.child')
                if words[at + 2] == str(self.process.pid).encode():
                    found[words[at + 1].decode()] = int(entry.name)
        return found
