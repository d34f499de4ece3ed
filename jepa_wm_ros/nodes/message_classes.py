"""Message classes by the names that graphs and bags have for them."""

from __future__ import annotations

import importlib
from typing import Any

from jepa_wm_ros.errors import JepaWmError


class MessageClassError(JepaWmError):
    """A message type that is not installed on this machine."""


def message_class(name: str) -> Any:
    """Return the class of a type such as `sensor_msgs/msg/Image`.

    Raises:
        MessageClassError: It is not installed here.
    """
    package, _, short = name.replace('/msg/', '/').partition('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), short)
    except (ImportError, AttributeError) as error:
        raise MessageClassError(f'the message type {name} is not installed here') from error
