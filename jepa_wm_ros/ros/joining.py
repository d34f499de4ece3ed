"""The one door to ROS: every process of ours makes its context here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from jepa_wm_ros.ros.environment import EnvironmentMistake, check_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHERE = re.compile(r', at [^\s]+:\d+')


def join(args: Sequence[str] | None = (), *, domain_id: int | None = None) -> Context:
    """Return a context in which nodes can be made; signals stay with the caller.

    Args:
        args: Command line with ROS arguments; `sys.argv` when None.
        domain_id: DDS domain; that of the environment (`ROS_DOMAIN_ID`) when None.

    Raises:
        EnvironmentMistake: ROS cannot start in this environment, or with these arguments.
    """
    check_environment()
    context = Context()
    words = None if args is None else list(args)
    try:
        rclpy.init(
            args=words,
            context=context,
            domain_id=domain_id,
            signal_handler_options=SignalHandlerOptions.NO,
        )
    except Exception as error:
        # rclpy has errors of several kinds for this, one of them private
        if not is_of_ros(error):
            raise
        raise EnvironmentMistake(f'ROS does not start: {one_line(error)}') from error
    return context


def is_of_ros(error: BaseException) -> bool:
    """Whether ROS, or DDS below it, refuses: what it says is for people, not for us."""
    kind = type(error)
    return kind.__name__ == 'RCLError' or kind.__module__.startswith('rclpy.')


def one_line(error: Any) -> str:
    """Return what an error of ROS says, without lines of C."""
    return ' '.join(_WHERE.sub('', str(error)).split())
