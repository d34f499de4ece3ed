"""One thread for model work, fed by a mailbox in which a newer picture replaces an older one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from rclpy.executors import Executor
from rclpy.task import Future

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.scheduling import BACKGROUND, stand_back

Result = TypeVar('Result')


class WorkerClosedError(JepaWmError):
    """Work was handed to a worker that has been closed."""


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[], Any]
    future: Future
    slot: str | None


def future_for(executor: Executor | None) -> Future:
    """A future that wakes the executor when another thread resolves it.

    Without a done-callback, rclpy leaves a coroutine that awaits the future asleep until
    something unrelated happens (rclpy issue 1467, fixed only in newer releases).
    """
    future = Future(executor=executor)
    future.add_done_callback(_wake)
    return future


def _wake(_: Future) -> None:
    """Do nothing: the executor wakes up in order to call this."""


class Worker:
    """Runs jobs one after the other, always on the same thread.

    CUDA graphs and compiled models are bound to a thread, and a second thread would only
    compete for the same cores.

    Args:
        executor: Executor whose coroutines await the results; it is woken for each result.
        name: Name of the thread, as debuggers show it.
        background: Whether all else in the process comes first.
        niceness: How far it stands back then, see `stand_back`.
    """

    def __init__(
        self,
        executor: Executor | None,
        *,
        name: str = 'model',
        background: bool = False,
        niceness: int = BACKGROUND,
    ) -> None:
        self._executor = executor
        self._background = background
        self._niceness = niceness
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._replaced = 0
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    @property
    def replaced(self) -> int:
        """How many waiting jobs gave way to a newer one of the same slot."""
        return self._replaced

    def submit(self, run: Callable[[], Any], *, slot: str | None = None) -> Future:
        """Queue a job.

        Args:
            run: The work; what it returns or raises goes into the future.
            slot: When given, this job takes the place of a waiting job of the same slot,
                whose future is cancelled. A job that has begun is never touched.

        Returns:
            A future of the worker's executor.

        Raises:
            WorkerClosedError: The worker has been closed.
        """
        job = _Job(run, future_for(self._executor), slot)
        with self._ready:
            if self._closed:
                raise WorkerClosedError(
                    f'worker {self._thread.name!r} is closed: the node is shutting down'
                )
            stale = self._take_waiting(slot)
            self._jobs.append(job)
            self._ready.notify()
        if stale is not None:
            self._replaced += 1
            stale.future.cancel()
        return job.future

    def call(self, run: Callable[[], Result]) -> Result:
        """Run a job and block until it is done; for setting up, never from a callback.

        Raises:
            WorkerClosedError: The worker has been closed.
        """
        done = threading.Event()

        def run_and_tell() -> Result:
            try:
                return run()
            finally:
                done.set()

        future = self.submit(run_and_tell)
        done.wait()
        while not future.done():  # the result is stored an instant after `run` ends
            time.sleep(0)
        return cast('Result', future.result())

    def close(self, timeout_s: float = 5.0) -> bool:
        """Cancel what waits and let the job under way finish.

        Args:
            timeout_s: How long to wait for the job under way [s].

        Returns:
            Whether the thread has ended; a thread that has not dies with the process.
        """
        with self._ready:
            self._closed = True
            waiting = list(self._jobs)
            self._jobs.clear()
            self._ready.notify()
        for job in waiting:
            job.future.cancel()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _take_waiting(self, slot: str | None) -> _Job | None:
        if slot is None:
            return None
        for job in self._jobs:
            if job.slot == slot:
                self._jobs.remove(job)
                return job
        return None

    def _loop(self) -> None:
        if self._background:
            stand_back(self._niceness)
        while (job := self._next()) is not None:
            try:
                result = job.run()
            except BaseException as error:  # it belongs to whoever awaits the job
                job.future.set_exception(error)
            else:
                job.future.set_result(result)

    def _next(self) -> _Job | None:
        with self._ready:
            while not self._jobs:
                if self._closed:
                    return None
                self._ready.wait()
            return self._jobs.popleft()
