"""Starts the processes of a system, watches them, and ends them all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.domains import DomainLease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.ros.bringup import ProcessSpec

_LAST_LINES = 5


class ProcessError(JepaWmError):
    """A process of the system has ended or does not get ready."""


class Bringup:
    """A running system; use it as a context manager.

    Every process is the leader of its own group, writes `<log_folder>/<name>.log`, and ends with
    this program however that ends. Start it from the main thread: processes end with the thread
    that started them.

    Args:
        processes: In order of starting; they are stopped in reverse order.
        log_folder: Made when missing.
        domain_id: DDS domain; that of `ROS_DOMAIN_ID`, or a free one when that is not set.
        namespace: Namespace of all nodes.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        log_folder: Path,
        *,
        domain_id: int | None = None,
        namespace: str = '',
    ) -> None:
        self._specs = tuple(processes)
        self._log_folder = Path(log_folder)
        self._wish = domain_id if domain_id is not None else _environment_domain()
        self._namespace = namespace
        self._lease: DomainLease | None = None
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def domain_id(self) -> int:
        """DDS domain of the running system.

        Raises:
            ProcessError: It has not been started.
        """
        if self._lease is None:
            raise ProcessError('the system has not been started')
        return self._lease.domain_id

    @property
    def process_ids(self) -> dict[str, int]:
        """Process ids by name of the process."""
        return {name: process.pid for name, process in self._running.items()}

    def __enter__(self) -> Bringup:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start all processes.

        Raises:
            DomainError: The DDS domain is in use.
            MissingFileError: A parameter file is not there.
        """
        self._lease = DomainLease(self._wish)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        try:
            for spec in self._specs:
                self._running[spec.name] = self._launch(spec)
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Look whether all processes live.

        Raises:
            ProcessError: One has ended; the message has the last lines of its log.
        """
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise ProcessError(
                    f'the process {name} has ended ({_meaning(code)}); its log '
                    f'{self._log(name)} ends with:\n{self._tail(name)}'
                )

    def wait_until_active(self, timeout_s: float = 60.0) -> None:
        """Wait until every node is active (model loaded, entities made, publishers enabled).

        Raises:
            ProcessError: A process has ended, or a node is not active in time.
        """
        from jepa_wm_ros.ros.states import StateWatch

        deadline = time.monotonic() + timeout_s
        nodes = [node for spec in self._specs for node in spec.nodes]
        with StateWatch(nodes, self.domain_id, self._namespace) as watch:
            while waiting := watch.not_active():
                self.check()
                if time.monotonic() > deadline:
                    raise ProcessError(
                        f'not active within {timeout_s:g} s: {", ".join(waiting)}; see the logs '
                        f'in {self._log_folder}'
                    )

    def stop(self, patience_s: float = 8.0) -> None:
        """End all processes, the last one first: SIGINT, then SIGTERM, then SIGKILL.

        Args:
            patience_s: How long a process has for each signal [s].
        """
        for name in reversed(list(self._running)):
            _end(self._running.pop(name), patience_s)
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def _launch(self, spec: ProcessSpec) -> subprocess.Popen[bytes]:
        command = [sys.executable, '-m', 'jepa_wm_ros.ros.child', spec.name, str(os.getpid())]
        environment = {
            **os.environ,
            **spec.environment,
            'ROS_DOMAIN_ID': str(self.domain_id),
            'ROS_LOG_DIR': str(self._log_folder),
            'PYTHONUNBUFFERED': '1',
        }
        with self._log(spec.name).open('wb') as log:
            return subprocess.Popen(
                command + spec.arguments(self._namespace),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we end them in the right order
            )

    def _log(self, name: str) -> Path:
        return self._log_folder / f'{name}.log'

    def _tail(self, name: str) -> str:
        with contextlib.suppress(OSError):
            lines = self._log(name).read_text(errors='replace').splitlines()
            return '\n'.join(lines[-_LAST_LINES:]) or '(empty)'
        return '(unreadable)'


def _end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        # the group, even when its leader is gone: nothing may stay behind
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _meaning(code: int) -> str:
    return f'killed by {signal.Signals(-code).name}' if code < 0 else f'exit code {code}'


def _environment_domain() -> int | None:
    text = os.environ.get('ROS_DOMAIN_ID', '')
    if not text:
        return None
    if not text.isdigit() or int(text) > 232:
        raise ProcessError(f'ROS_DOMAIN_ID must be a number from 0 to 232, got {text!r}')
    return int(text)
