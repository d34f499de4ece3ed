"""Stopping between two steps, not within one."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def put_off_interrupts() -> Iterator[Callable[[], bool]]:
    """Remember the first Ctrl-C or SIGTERM instead of raising; the second raises at once.

    Only the main thread gets signals; elsewhere nothing is changed.

    Yields:
        A function that says whether somebody wants to stop.
    """
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wanted.is_set
        return

    def remember(number: int, frame: Any) -> None:
        if wanted.is_set():
            raise KeyboardInterrupt
        wanted.set()

    before = {s: signal.signal(s, remember) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wanted.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
