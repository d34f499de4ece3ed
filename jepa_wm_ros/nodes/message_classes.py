"""Message classes by the names that graphs and bags have for them, and those of drivers.

`control_msgs`, `franka_msgs` and `moveit_msgs` are needed only by who uses such a driver: they are
imported by name when they are, and the error says what to install.
"""

from __future__ import annotations

import importlib
import os
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


def driver_interface(name: str) -> Any:
    """Return the class of a driver's message, service or action.

    Args:
        name: Such as `control_msgs/action/GripperCommand`.

    Raises:
        MessageClassError: Its package is not installed, or too old to have it.
    """
    package, kind, short = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.{kind}'), short)
    except (ImportError, AttributeError) as error:
        raise MessageClassError(
            f'{name} is needed and not installed: {_remedy(package)}'
        ) from error


def _remedy(package: str) -> str:
    """Say how to get a package of messages here."""
    distro = os.environ.get('ROS_DISTRO')
    if not distro:
        return "run 'make setup', which builds it beside the ROS wheels"
    return (
        f'sudo apt install ros-{distro}-{package.replace("_", "-")} (or build it from the source '
        'of the driver), and source it'
    )
