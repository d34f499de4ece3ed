"""DDS domains: which are free, and keeping one for ourselves."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Iterator

# DDS-RTPS: unicast discovery port of the first participant of a domain
_PORT_BASE, _PORT_STEP, _PORT_UNICAST = 7400, 250, 10
_FREE_DOMAINS = range(1, 102)
"""Domain 0 is everybody's default; above 101 the ports get into the range of outgoing ones."""


class DomainError(JepaWmError):
    """The domain is in use, or none is free."""


class DomainLease:
    """A DDS domain that no other lease on this machine has; freed when the process ends.

    Args:
        domain_id: Which one; a free one is chosen when None.

    Raises:
        DomainError: It is taken, or all are.
    """

    def __init__(self, domain_id: int | None = None) -> None:
        if domain_id is not None:
            lock = _lock(domain_id)
            if lock is None:
                raise DomainError(
                    f'DDS domain {domain_id} is in use by another demo or test on this machine; '
                    'stop it, or set ROS_DOMAIN_ID to another number'
                )
            self.domain_id, self._lock = domain_id, lock
            return
        for candidate in random.sample(_FREE_DOMAINS, len(_FREE_DOMAINS)):
            if not occupied(candidate) and (lock := _lock(candidate)) is not None:
                self.domain_id, self._lock = candidate, lock
                return
        raise DomainError('all DDS domains 1 to 101 of this machine are in use')

    def release(self) -> None:
        """Give the domain back."""
        os.close(self._lock)


def occupied(domain_id: int) -> bool:
    """Whether some participant of this machine is on a domain: it listens on one of its ports."""
    first = _PORT_BASE + _PORT_STEP * domain_id + _PORT_UNICAST
    ports = range(first, first + _PORT_STEP - _PORT_UNICAST)
    return any(port in ports for port in _udp_ports())


def _udp_ports() -> Iterator[int]:
    """The local UDP ports that are in use."""
    for table in ('/proc/net/udp', '/proc/net/udp6'):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                yield int(line.split()[1].rpartition(':')[2], 16)


def _lock(domain_id: int) -> int | None:
    """Lock a domain's file; the kernel frees it however the process ends."""
    path = Path(tempfile.gettempdir()) / f'jepa_wm_ros-domain-{domain_id}.lock'
    # reading is enough for a lock, so other users can ask too; the file stays: removing it races
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
