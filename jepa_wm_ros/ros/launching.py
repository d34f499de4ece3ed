"""From the process table to `ros2 launch`; the only place that knows the launch system.

`launch` and `launch_ros` come with a ROS installation and are not on PyPI.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jepa_wm_ros.ros.bringup import ProcessSpec

_DISCOVERY = ('ROS_AUTOMATIC_DISCOVERY_RANGE',)


def launch_nodes(
    processes: Iterable[ProcessSpec],
    *,
    namespace: str = '',
    log_level: str = 'info',
    parameter_file: str = '',
) -> list[Any]:
    """One `launch_ros.actions.Node` for each process.

    Args:
        processes: From `jepa_wm_ros.ros.bringup`.
        namespace: Namespace of all nodes.
        log_level: debug, info, warn, error or fatal.
        parameter_file: A file that wins over those in `config/`; empty for none.
    """
    from launch_ros.actions import Node

    extra = [parameter_file] if parameter_file else []
    return [
        Node(
            package='jepa_wm_ros',
            executable=process.name,
            namespace=namespace,
            parameters=[*map(str, process.parameter_paths()), *extra, dict(process.parameters)],
            remappings=list(process.remappings.items()),
            additional_env=dict(process.environment),
            ros_arguments=['--log-level', log_level],
            output='screen',
        )
        for process in processes
    ]


def recorder(values: Mapping[str, str], processes: Iterable[ProcessSpec]) -> list[Any]:
    """The process that records everything into a bag, when the argument `record` says so.

    Args:
        values: Launch arguments: `record`, and `bag` and `model`, which may be empty.
        processes: That it shall hear.
    """
    from launch.actions import ExecuteProcess

    if values['record'] != 'true':
        return []
    command = [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'bag', 'record']
    for option, name in (('--out', 'bag'), ('--model', 'model')):
        command += [option, values[name]] if values[name] else []
    # nodes that keep to this machine are heard only by one that does so, too
    environment: dict[str, str] = {}
    for process in processes:
        environment.update(process.environment)
    local = {name: environment[name] for name in _DISCOVERY if name in environment}
    # after Ctrl-C it still has to write its index and audit
    return [
        ExecuteProcess(
            cmd=command,
            output='screen',
            sigterm_timeout='15',
            additional_env=local,
        )
    ]


def given(values: Mapping[str, str], *names: str) -> dict[str, str]:
    """Those launch arguments that were given; empty ones leave the parameter file its say."""
    return {name: values[name] for name in names if values[name]}
