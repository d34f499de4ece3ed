"""An executor that spins on a thread of its own, and can be ended from another."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from rclpy.executors import ExternalShutdownException

if TYPE_CHECKING:
    from rclpy.executors import SingleThreadedExecutor

_PATIENCE_S = 2.0


class BackgroundSpin:
    """Spins an executor on a thread of its own.

    `Executor.shutdown` of rclpy does not wait for a thread that spins: it destroys the guard
    conditions which that thread is about to wait on, and the thread dies of it or sleeps for
    ever. Here the thread is asked to leave first.

    Args:
        executor: Nobody else may spin it or shut it down.
        name: Of the thread.
    """

    def __init__(self, executor: SingleThreadedExecutor, name: str) -> None:
        self._executor = executor
        self._leaving = False
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)

    @property
    def ended(self) -> bool:
        """Whether `end` has been called."""
        return self._leaving

    def start(self) -> None:
        """Begin to spin."""
        self._thread.start()

    def end(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Let the callback that runs come to its end, and shut the executor down.

        Args:
            timeout_s: How long that callback may take [s].

        Returns:
            Whether it has ended; what the thread still uses is left alone otherwise.
        """
        if not self._leaving:
            self._leaving = True
            self._executor.create_task(lambda: None)  # wakes it for another round
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._executor.shutdown()
        return True

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while not self._leaving:
                self._executor.spin_once()
