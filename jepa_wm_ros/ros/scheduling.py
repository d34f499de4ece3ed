"""How urgent a process or a thread is when there are fewer cores than work.

What must answer in time asks for a low real-time priority, which is far below that of a robot's
own control loop and needs a permission that labs with a Franka arm have (`rtprio` in
/etc/security/limits.conf); without it nothing changes. What only computes stands back, which
everybody may.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = 3
"""Real-time priority of what commands an arm: it is late for nobody."""
ANSWER = 2
"""Real-time priority of what has to answer."""
DEVICE = 1
"""Real-time priority of what stands for a device, such as a simulated camera."""
BACKGROUND = 3
"""Added to the niceness of what stands back: about half the weight it had."""
_MOST = 19


def become_urgent(priority: int = ANSWER) -> bool:
    """Run this thread, and those it starts from now on, before all normal ones.

    Args:
        priority: `COMMAND`, `ANSWER`, or `DEVICE`, the first before the others.

    Returns:
        Whether the system allowed it.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except (OSError, AttributeError):  # no permission, or a system without real-time priorities
        return False
    return True


@contextlib.contextmanager
def urgent(priority: int = ANSWER) -> Iterator[bool]:
    """Let this thread run before all normal ones for a while; says whether the system allowed it.

    Args:
        priority: As in `become_urgent`.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    allowed = become_urgent(priority)
    try:
        yield allowed
    finally:
        if allowed:
            os.sched_setscheduler(0, *before)


def stand_back(niceness: int = BACKGROUND) -> None:
    """Let others run before this thread, and before those it starts from now on.

    Args:
        niceness: Added to the thread's own: 1 (a little) to 19 (only what nobody else wants).
    """
    thread = threading.get_native_id()
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(own + niceness, _MOST))
    except (OSError, AttributeError):  # it only stays as urgent as it was
        return
