"""What Linux knows of a process and of the machine: memory, threads, handles, waits. No ROS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf('SC_PAGE_SIZE')
_TICK_S = 1.0 / os.sysconf('SC_CLK_TCK')
_NANOSECONDS = 1e-9
_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSample:
    """What a process holds at one moment.

    Attributes:
        rss_bytes: Resident memory, with what it shares.
        threads: How many.
        handles: Open files, sockets, pipes.
        cpu_s: Time on a core since its start [s].
    """

    rss_bytes: int
    threads: int
    handles: int
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """What of a process's memory is its own.

    Attributes:
        pss_bytes: With shared pages counted in proportion.
        private_bytes: What it has written and nobody shares, in memory or swapped out.
    """

    pss_bytes: int
    private_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSample:
    """How busy the machine is.

    Attributes:
        load: Processes that ran or wanted to, averaged over a minute.
        steal_s: Time for which the host took cores away since the machine was started [s].
        busy_s: Time in which cores worked, without that [s].
        running: Threads that run or want to, at this moment.
    """

    load: float
    steal_s: float
    busy_s: float
    running: int


def sample_process(process_id: int) -> ProcessSample | None:
    """Look at a process, which takes less than a millisecond; None when it is gone."""
    folder = Path(f'/proc/{process_id}')
    try:
        pages = int((folder / 'statm').read_text().split()[1])
        # the name of the program, in brackets, may hold blanks
        fields = (folder / 'stat').read_text().rpartition(')')[2].split()
        handles = len(os.listdir(folder / 'fd'))
    except (OSError, IndexError):
        return None
    if pages == 0:  # it has ended, and waits to be noticed
        return None
    return ProcessSample(
        rss_bytes=pages * _PAGE,
        threads=int(fields[17]),
        handles=handles,
        cpu_s=(int(fields[11]) + int(fields[12])) * _TICK_S,
    )


def sample_memory(process_id: int) -> MemorySample | None:
    """Look through all pages of a process, which takes milliseconds; None when it is gone."""
    try:
        lines = Path(f'/proc/{process_id}/smaps_rollup').read_text().splitlines()[1:]
    except OSError:
        return None
    sizes = {
        name: int(rest.split()[0]) * _KIB for name, _, rest in (x.partition(':') for x in lines)
    }
    # not Private_Clean: pages of libraries are private until another process loads them, too
    private = ('Private_Dirty', 'Swap')
    return MemorySample(
        pss_bytes=sizes.get('Pss', 0), private_bytes=sum(sizes.get(name, 0) for name in private)
    )


def waited_s(process_id: int) -> float:
    """How long the main thread of a process wanted a core and had none, since its start [s].

    NaN where the process is gone or the kernel does not count it.
    """
    try:
        return int(Path(f'/proc/{process_id}/schedstat').read_text().split()[1]) * _NANOSECONDS
    except (OSError, IndexError, ValueError):
        return float('nan')


def sample_machine() -> MachineSample:
    """Look at the machine."""
    with open('/proc/stat') as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        words = (line.split() for line in file)
        running = next((int(word[1]) for word in words if word[0] == 'procs_running'), 0)
    return MachineSample(
        load=os.getloadavg()[0],
        steal_s=steal * _TICK_S,
        busy_s=(user + nice + system + irq + softirq) * _TICK_S,
        running=running,
    )
