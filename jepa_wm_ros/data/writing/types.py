"""Definitions and hashes of message types, which a bag carries so that anybody can read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence


class MessageTypeError(JepaWmError):
    """A message type of which no definition can be found."""


class MessageTypes:
    """Knows the types of ROS 2 Jazzy, and those whose `.msg` files lie in `share/<package>/msg`.

    Args:
        prefixes: Where to look for `share`; None takes `AMENT_PREFIX_PATH`.
    """

    def __init__(self, prefixes: Sequence[Path] | None = None) -> None:
        from rosbags.typesys import Stores, get_typestore

        listed = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
        self._prefixes = [Path(p) for p in listed if p] if prefixes is None else list(prefixes)
        self._store = get_typestore(Stores.ROS2_JAZZY)

    def describe(self, name: str) -> tuple[str, str]:
        """Return the full definition (`ros2msg`) and the RIHS01 hash of a type.

        Args:
            name: Such as `sensor_msgs/msg/Image`.

        Raises:
            MessageTypeError: Nobody knows it.
        """
        if name not in self._store.types:
            self._register(name.split('/')[0])
        if name not in self._store.types:
            raise MessageTypeError(f'the message type {name} is not installed here')
        text, _ = self._store.generate_msgdef(name, ros_version=2)
        return text, self._store.hash_rihs01(name)

    def _register(self, package: str) -> None:
        from rosbags.typesys import get_types_from_msg

        found: dict[str, Any] = {}
        for prefix in self._prefixes:
            for path in sorted((prefix / 'share' / package / 'msg').glob('*.msg')):
                found |= get_types_from_msg(path.read_text(), f'{package}/msg/{path.stem}')
        new = {name: fields for name, fields in found.items() if name not in self._store.types}
        if new:
            self._store.register(new)
