"""From the table of systems to `ros2 launch`; the only place that knows the launch system.

`launch` and `launch_ros` come with a ROS installation and are not on PyPI.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.ros.bringup import BringupError
from jepa_wm_ros.ros.system import System
from jepa_wm_ros.ros.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.ros.bringup import ProcessSpec

# after Ctrl-C a recorder still has to write its index and audit [s]
_PATIENCE_S = '15'


def describe(name: str) -> Any:
    """Return the `launch.LaunchDescription` of a system: its arguments, then its processes."""
    from launch import LaunchDescription
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    system = SYSTEMS[name]
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for argument in system.arguments
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=partial(_start, system=system))])


def _start(context: Any, *_: Any, system: System) -> list[Any]:
    """One launch action for each process."""
    _refuse_unknown(getattr(context, 'argv', None) or (), system)
    configured = context.launch_configurations
    given = {argument.name: configured[argument.name] for argument in system.arguments}
    return [_action(process, given['namespace']) for process in system.processes(given)]


def _refuse_unknown(words: Sequence[str], system: System) -> None:
    """Refuse arguments that the launch system would drop in silence, and those given twice.

    Only where our launch file is the one that was called: one that includes it has arguments of
    its own.
    """
    if not any(Path(word).name == f'{system.name}.launch.py' for word in sys.argv):
        return
    given: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if separator and name in given:
            raise BringupError(f'{name}:= is given twice; only one of them would count')
        if separator:
            given[name] = value
    system.complete(given)


def _action(process: ProcessSpec, namespace: str) -> Any:
    from launch.actions import ExecuteProcess
    from launch_ros.actions import Node

    environment = dict(process.environment)
    if process.command:
        return ExecuteProcess(
            cmd=list(process.command),
            name=process.name,
            output='screen',
            sigterm_timeout=_PATIENCE_S,
            additional_env=environment,
        )
    return Node(
        package='jepa_wm_ros',
        executable=process.name,
        namespace=namespace,
        parameters=_parameters(process),
        remappings=list(process.remappings.items()),
        additional_env=environment,
        ros_arguments=['--log-level', process.log_level] if process.log_level else [],
        output='screen',
    )


def _parameters(process: ProcessSpec) -> list[Any]:
    """Files and values in the order in which they win over each other."""
    given = [dict(values) for values in (process.defaults, process.parameters)]
    files = [str(path) for path in process.parameter_paths()]
    return [part for part in (*files, given[0], *process.user_files, given[1]) if part]
