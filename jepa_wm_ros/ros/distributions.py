"""The distributions of ROS 2, told from the version of rclpy, and what is known to be wrong."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution of ROS 2.

    Attributes:
        name: Of the distribution.
        bugs: Of its rclpy, that our code works around.
        advice: What to do about it; empty when nothing is to be done.
    """

    name: str
    bugs: tuple[str, ...] = ()
    advice: str = ''


_THREADS = 'threads of MultiThreadedExecutor race (rclpy#1452)'
_WAKING = 'awaited futures do not wake the executor (rclpy#1467)'
_SILENT = 'exceptions in life-cycle callbacks are not logged'

_BY_MAJOR = {
    3: Distribution(
        name='Humble',
        bugs=(_THREADS, _WAKING, 'a wrong life-cycle transition ends the node (rclpy#1209)'),
    ),
    7: Distribution(name='Jazzy', bugs=(_THREADS, _WAKING, _SILENT)),
    9: Distribution(
        name='Kilted',
        bugs=(_THREADS, _WAKING, _SILENT),
        advice='Kilted gets no updates after November 2026: Jazzy and Lyrical do',
    ),
    10: Distribution(name='Lyrical'),
}
_WAKING_MENDED = (7, 1, 9)


def rclpy_version() -> str | None:
    """Return the version of rclpy, from its wheel or from ROS; None when there is none."""
    for package in ('ros-rclpy', 'rclpy'):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def distribution(version: str) -> Distribution | None:
    """Return the distribution that a version of rclpy belongs to; None for others."""
    numbers = tuple(int(part) for part in version.split('.') if part.isdigit())
    found = _BY_MAJOR.get(numbers[0]) if numbers else None
    if found is None or numbers < _WAKING_MENDED or numbers[0] != _WAKING_MENDED[0]:
        return found
    bugs = tuple(bug for bug in found.bugs if bug is not _WAKING)
    return Distribution(name=found.name, bugs=bugs, advice=found.advice)
