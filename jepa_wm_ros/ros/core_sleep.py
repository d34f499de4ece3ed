"""Sleep of the processor's cores, which costs the first milliseconds of each motion.

A core with nothing to do goes to sleep. Waking it takes time, and for a while after it computes
slowly; on a virtual machine more so. The kernel's PM QoS interface keeps all cores awake while
somebody holds a request for latency 0 (Documentation/power/pm_qos_interface.rst). Cores that do
not sleep need more power, so it is for the time in which an arm may be told to move.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

REQUESTS = Path('/dev/cpu_dma_latency')


class CoreSleep:
    """Allows or forbids the cores of this machine to sleep; a process that dies allows it.

    Args:
        requests: Where the kernel takes requests. Only root may write there unless somebody allows
            it; without permission nothing changes.
    """

    def __init__(self, requests: Path = REQUESTS) -> None:
        self._requests = requests
        self._held: int | None = None
        self._allowed = True

    @property
    def allowed(self) -> bool:
        """Whether cores may sleep, as far as we are concerned."""
        return self._allowed

    @allowed.setter
    def allowed(self, allowed: bool) -> None:
        if allowed == self._allowed:
            return
        self._allowed = allowed
        if allowed:
            self._release()
        else:
            self._request()

    @property
    def forbidden(self) -> bool:
        """Whether the kernel took a request that still stands."""
        return self._held is not None

    def _request(self) -> None:
        """Ask for a wake-up latency of 0 us, which holds as long as the file is open."""
        try:
            file = os.open(self._requests, os.O_WRONLY)
        except OSError:  # no permission, or no such kernel: they only sleep as before
            return
        try:
            os.write(file, struct.pack('i', 0))
        except OSError:
            os.close(file)
        else:
            self._held = file

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.close(held)
