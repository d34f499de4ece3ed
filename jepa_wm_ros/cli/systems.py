"""Systems and their arguments, as they are named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.ros.system import System


class SystemNameError(JepaWmError):
    """What is meant was not said as it has to be."""


def known_system(name: str | None) -> System:
    """Return the system of a name.

    Raises:
        SystemNameError: There is none; the message names all.
    """
    from jepa_wm_ros.ros.systems import SYSTEMS

    if name is None or name not in SYSTEMS:
        said = 'nothing' if name is None else repr(name)
        known = ', '.join(f'{each.name} ({each.title})' for each in SYSTEMS.values())
        raise SystemNameError(f'which system? got {said}; there are: {known}')
    return SYSTEMS[name]


def given_arguments(words: Sequence[str]) -> dict[str, str]:
    """Read `name:=value` words.

    Raises:
        SystemNameError: A word is something else.
    """
    values = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if not separator or not name:
            raise SystemNameError(
                f'{word!r} is not NAME:=VALUE; see `jepa-wm up SYSTEM --show-args`'
            )
        if name in values:
            raise SystemNameError(f'{name}:= is given twice; only one of them would count')
        values[name] = value
    return values
