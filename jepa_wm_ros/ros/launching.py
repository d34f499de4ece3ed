"""From the table of systems to `ros2 launch`; the only place that knows the launch system.

`launch` and `launch_ros` come with a ROS installation and are not on PyPI.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.ros.system import System
from jepa_wm_ros.ros.systems import SYSTEMS

if TYPE_CHECKING:
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
    configured = context.launch_configurations
    given = {argument.name: configured[argument.name] for argument in system.arguments}
    return [_action(process, given['namespace']) for process in system.processes(given)]


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
