"""A cable between the policy and the robot that can be pulled: network namespaces of Linux."""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from jepa_wm_ros.ros.bringup import ProcessSpec

_HERE, _THERE = '10.231.77.1/24', '10.231.77.2/24'
_MULTICAST = '224.0.0.0/4'
_NEW_NETWORK = 0x40000000
_OWN = Path('/proc/thread-self/ns/net')
# Nothing else is in these namespaces, so that nobody hears it; shared memory would be a way round.
_DISCOVERY = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET', 'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}


class NetworkError(JepaWmError):
    """The network namespaces cannot be made."""


class Cable:
    """Two networks, tied to each other and to nothing else: ours, and that of one process.

    Use it as a context manager, in the thread that starts the processes; needs root. Until it is
    left, this thread and what it starts see the near network only.
    """

    def __init__(self) -> None:
        """Choose names; nothing is made yet."""
        tag = f'jw{os.getpid() % 100000}'
        self._space, self._near, self._far = tag, f'{tag}n', f'{tag}f'
        self._home = -1
        self._environment: dict[str, str | None] = {}

    def __enter__(self) -> Cable:
        """Make both networks and plug the cable in.

        Raises:
            NetworkError: The system does not allow it.
        """
        self._home = os.open(_OWN, os.O_RDONLY)
        self._environment = {name: os.environ.get(name) for name in _DISCOVERY}
        os.environ.update(_DISCOVERY)
        try:
            _ip('netns', 'add', self._space)
            _enter(None)
            self._plug_in()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Go back to the machine's network; the others go with their last process."""
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _enter(self._home)
        os.close(self._home)
        subprocess.run(['ip', 'netns', 'del', self._space], check=False, capture_output=True)

    def cut(self) -> None:
        """Pull the cable."""
        _ip('link', 'set', self._near, 'down')

    def near(self, process: ProcessSpec) -> ProcessSpec:
        """Return the process on our side."""
        environment = {**process.environment, **_DISCOVERY}
        environment.pop('FASTDDS_DEFAULT_PROFILES_FILE', None)  # of shared memory
        return replace(process, environment=environment)

    def far(self, process: ProcessSpec, python: str) -> ProcessSpec:
        """Return the process at the far end, run by an interpreter."""
        command = ('ip', 'netns', 'exec', self._space, python, '-m', process.module)
        return replace(self.near(process), command=(*command, *process.arguments()))

    def _plug_in(self) -> None:
        inside = ('netns', 'exec', self._space, 'ip')
        _ip('link', 'set', 'lo', 'up')
        _ip('link', 'add', self._near, 'type', 'veth', 'peer', 'name', self._far)
        _ip('link', 'set', self._far, 'netns', self._space)
        _ip('addr', 'add', _HERE, 'dev', self._near)
        _ip('link', 'set', self._near, 'up')
        _ip('route', 'add', _MULTICAST, 'dev', self._near)
        _ip(*inside, 'addr', 'add', _THERE, 'dev', self._far)
        _ip(*inside, 'link', 'set', self._far, 'up')
        _ip(*inside, 'route', 'add', _MULTICAST, 'dev', self._far)
        _ip(*inside, 'link', 'set', 'lo', 'up')


def _enter(space: int | None) -> None:
    """Move this thread to a network (an open file), or to a new one."""
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.unshare(_NEW_NETWORK) if space is None else libc.setns(space, _NEW_NETWORK)
    if failed:
        raise NetworkError(f'no network namespace: {os.strerror(ctypes.get_errno())}')


def _ip(*words: str) -> None:
    """Run `ip`, or raise NetworkError with what it said."""
    done = subprocess.run(['ip', *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise NetworkError(f'ip {" ".join(words)}: {done.stderr.strip()}')
