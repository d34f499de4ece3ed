"""What a check of `jepa-wm doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad a finding is."""

    GOOD = 'ok'
    DOUBTFUL = 'warning'
    BAD = 'problem'


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        level: How bad it is.
        found: What is there, in a few words.
        advice: What to do about it; empty when nothing is to be done.
    """

    level: Level
    found: str
    advice: str = ''


def good(found: str) -> Finding:
    """Return that all is well."""
    return Finding(Level.GOOD, found)


def doubtful(found: str, advice: str) -> Finding:
    """Return that something may be wrong."""
    return Finding(Level.DOUBTFUL, found, advice)


def bad(found: str, advice: str) -> Finding:
    """Return that something is wrong."""
    return Finding(Level.BAD, found, advice)
