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
from jepa_wm_ros.ros.environment import domain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jepa_wm_ros.ros.bringup import ProcessSpec

_LAST_LINES = 5
_PATIENCE_S = 8.0


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
        shared: Whether others are welcome on that domain, such as drivers: it is then that of
            `ROS_DOMAIN_ID`, or 0, as for every ROS program.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        log_folder: Path,
        *,
        domain_id: int | None = None,
        namespace: str = '',
        shared: bool = False,
    ) -> None:
        self._specs = tuple(processes)
        self._log_folder = Path(log_folder)
        self._wish = (
            domain_id if domain_id is not None else domain_of(os.environ.get('ROS_DOMAIN_ID', ''))
        )
        self._namespace = namespace
        self._shared = shared
        self._domain_id: int | None = None
        self._lease: DomainLease | None = None
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def domain_id(self) -> int:
        """DDS domain of the running system.

        Raises:
            ProcessError: It has not been started.
        """
        if self._domain_id is None:
            raise ProcessError('the system has not been started')
        return self._domain_id

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
        if self._shared:
            self._domain_id = self._wish or 0
        else:
            self._lease = DomainLease(self._wish)
            self._domain_id = self._lease.domain_id
        self._log_folder.mkdir(parents=True, exist_ok=True)
        try:
            for spec in self._specs:
                self._running[spec.name] = self._launch(spec)
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Look whether all processes live that the others need.

        Raises:
            ProcessError: One has ended; the message has the last lines of its log.
        """
        for name, code in self.ended().items():
            if not self._spec(name).optional:
                raise ProcessError(
                    f'the process {name} has ended ({meaning(code)}); its log '
                    f'{self.log(name)} ends with:\n{self.tail(name)}'
                )

    def ended(self) -> dict[str, int]:
        """Return the exit codes of those processes that have ended, by name; -9 is a signal's."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def restart(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """End one process by a signal and start it again; call it from the main thread.

        Its log goes on in the same file.

        Args:
            name: Of the process.
            number: The signal; a process that outlives it by eight seconds is killed.

        Returns:
            The exit code of the life that ended.

        Raises:
            ProcessError: There is no such process here.
        """
        if name not in self._running:
            raise ProcessError(f'no process {name} runs; there are: {", ".join(self._running)}')
        process = self._running[name]
        _signal_group(process, number)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
        code = process.wait()
        _signal_group(process, signal.SIGKILL)  # nothing may stay behind a leader that is gone
        self._running[name] = self._launch(self._spec(name), again=True)
        return code

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

    def stop(
        self, patience_s: float = _PATIENCE_S, tell: Callable[[str], None] = lambda _: None
    ) -> dict[str, int]:
        """End all processes: SIGINT, then SIGTERM, then SIGKILL.

        Those that command come first, all at once, so that the arm holds without delay; those that
        have to hear them (devices, recorders) come when they are gone.

        Args:
            patience_s: How long they have for each signal [s].
            tell: Is told in words when one does not end as asked.

        Returns:
            Exit codes by name; negative ones are signals.
        """
        codes: dict[str, int] = {}
        for device in (False, True):
            names = [name for name in self._running if self._spec(name).device is device]
            group = {name: self._running.pop(name) for name in reversed(names)}
            codes |= end_all(group, patience_s, tell)
        if self._lease is not None:
            self._lease.release()
        self._lease = self._domain_id = None
        return codes

    def _launch(self, spec: ProcessSpec, *, again: bool = False) -> subprocess.Popen[bytes]:
        # a program that is not ours gets its own words, a node of ours the arguments of ROS
        name, words = ('--', list(spec.command)) if spec.command else (spec.name, None)
        words = spec.arguments(self._namespace) if words is None else words
        command = [sys.executable, '-m', 'jepa_wm_ros.ros.child', name, str(os.getpid()), *words]
        environment = {
            **os.environ,
            **spec.environment,
            'ROS_DOMAIN_ID': str(self.domain_id),
            'ROS_LOG_DIR': str(self._log_folder),
            'PYTHONUNBUFFERED': '1',
        }
        with self.log(spec.name).open('ab' if again else 'wb') as log:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we end them in the right order
            )

    def log(self, name: str) -> Path:
        """Return where a process writes what it says."""
        return self._log_folder / f'{name}.log'

    def tail(self, name: str, lines: int = _LAST_LINES) -> str:
        """Return the last lines that a process has said."""
        with contextlib.suppress(OSError):
            said = self.log(name).read_text(errors='replace').splitlines()
            return '\n'.join(said[-lines:]) or '(empty)'
        return '(unreadable)'

    def _spec(self, name: str) -> ProcessSpec:
        return next(spec for spec in self._specs if spec.name == name)


def end_all(
    processes: Mapping[str, subprocess.Popen[bytes]],
    patience_s: float,
    tell: Callable[[str], None],
) -> dict[str, int]:
    """End process groups together, by stronger and stronger signals; return their exit codes."""
    left = dict(processes)
    for number, stronger in (
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGKILL),
        (signal.SIGKILL, None),
    ):
        for process in left.values():
            _signal_group(process, number)
        deadline = time.monotonic() + patience_s
        for name, process in list(left.items()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
                del left[name]
        if stronger is not None:
            for name in left:
                tell(f'{name} does not end on {number.name}: {stronger.name}')
    for process in processes.values():
        _signal_group(process, signal.SIGKILL)  # nothing may stay behind a leader that is gone
    return {name: process.returncode for name, process in processes.items()}


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def meaning(code: int) -> str:
    """Return an exit code in words."""
    return f'killed by {signal.Signals(-code).name}' if code < 0 else f'exit code {code}'
