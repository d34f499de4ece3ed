"""The table of processes that make up a running system.

Launch files, `jepa-wm demo` and the tests all start from here, so they start the same thing.
Imports no ROS.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share

if TYPE_CHECKING:
    from collections.abc import Iterable

ParameterValue = bool | int | float | str
Overrides = Mapping[str, Mapping[str, ParameterValue]]
"""Parameter values by node name."""

DISCOVERY = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
"""Variable that says how far away processes are heard."""

_JEPA_WM = (sys.executable, '-m', 'jepa_wm_ros.cli.main')

LOCAL: Mapping[str, str] = {
    # the demo stays on this machine: nobody else's robot shall hear it
    DISCOVERY: 'LOCALHOST',
    # several processes share few cores: threads of theirs would only compete
    'OMP_NUM_THREADS': '1',
}

PATIENCE: Mapping[str, ParameterValue] = {
    # a simulator beside a model on a busy laptop stutters as no real camera or arm does
    # Fast DDS may let all processes of a graph stand still for 0.33 s when one of them dies
    'max_joint_age_s': 0.4,
    'max_skew_s': 0.25,
    'hold_floor_s': 0.1,
    'max_image_age_s': 0.5,
}


class BringupError(JepaWmError):
    """The system cannot be started as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process: what to run, and with which parameters.

    Attributes:
        name: Of the process, and of its executable (`ros2 run jepa_wm_ros <name>`).
        nodes: Names of the nodes that it hosts.
        parameter_files: Names in `config/`, or absolute paths; read in this order.
        defaults: Values that win over these files. All nodes of the process see them.
        user_files: Absolute paths of the user's own files, which win over both.
        parameters: Values that win over all files: what the arguments of a system decide.
        remappings: New topic names by old ones.
        environment: Variables added to the process's environment.
        log_level: Least severity that its nodes log.
        command: What to run when it is none of our executables; the fields above but `name` and
            `environment` then mean nothing.
        device: Whether it has to hear the last words of the others, so that it is stopped after
            them: a driver, the simulator, a recorder.
        optional: Whether the others go on when it ends.
    """

    name: str
    nodes: tuple[str, ...] = ()
    parameter_files: tuple[str, ...] = ()
    defaults: Mapping[str, ParameterValue] = field(default_factory=dict)
    user_files: tuple[str, ...] = ()
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    remappings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    log_level: str = ''
    command: tuple[str, ...] = ()
    device: bool = False
    optional: bool = False

    @property
    def module(self) -> str:
        """Python module whose `main` runs the process."""
        return f'jepa_wm_ros.nodes.{self.name}'

    def parameter_paths(self) -> list[Path]:
        """Where the parameter files are.

        Raises:
            MissingFileError: One is not there.
        """
        return [_parameter_file(name) for name in self.parameter_files]

    def arguments(self, namespace: str = '') -> list[str]:
        """The ROS arguments of its command line."""
        arguments = ['--ros-args']
        # ROS takes files and values in the order in which they stand here
        for path in self.parameter_paths():
            arguments += ['--params-file', str(path)]
        arguments += _assignments(self.defaults)
        for file in self.user_files:
            arguments += ['--params-file', file]
        arguments += _assignments(self.parameters)
        for old, new in self.remappings.items():
            arguments += ['-r', f'{old}:={new}']
        if namespace:
            arguments += ['-r', f'__ns:=/{namespace.strip("/")}']
        if self.log_level:
            arguments += ['--log-level', self.log_level]
        return arguments


def _assignments(parameters: Mapping[str, ParameterValue]) -> list[str]:
    # JSON is YAML: strings are quoted, so that '1' or 'off' stay strings
    pairs = [('-p', f'{name}:={json.dumps(value)}') for name, value in parameters.items()]
    return [word for pair in pairs for word in pair]


def _parameter_file(name: str) -> Path:
    path = Path(name)
    return path if path.is_absolute() else share('config', name)


def policy_process() -> ProcessSpec:
    """Encoder and planner, and the pictures that explain them."""
    return ProcessSpec(
        name='policy',
        nodes=('encoder', 'planner', 'insight'),
        parameter_files=('encoder.yaml', 'planner.yaml', 'insight.yaml'),
        environment={'OMP_NUM_THREADS': '1'},
    )


def action_publisher_process() -> ProcessSpec:
    """The safety supervisor and executor in front of the arm."""
    return ProcessSpec(
        name='action_publisher',
        nodes=('action_publisher',),
        parameter_files=('action_publisher.yaml',),
    )


def sim_process() -> ProcessSpec:
    """The simulated cell."""
    return ProcessSpec(
        name='sim',
        nodes=('sim',),
        parameter_files=('sim.yaml',),
        environment={
            'FASTDDS_DEFAULT_PROFILES_FILE': str(share('config', 'fastdds_shm.xml')),
            'LP_NUM_THREADS': '1',
        },
        device=True,
    )


SAID_BEFORE = (
    # of our nodes
    *('*/latent', '*/image_health', '*/plan', '*/goal_image', '*/goal_pose', '*/preview_*'),
    *('*/difference_image', '*/landscape_image', '*/predicted_image', '*/cost_image'),
    *('*/safety_status', '*/executed_action', '*/dry_run_*', '*/*_markers'),
    *('*/planned_path', '*/executed_path', '*/transition_event'),
    *('/diagnostics', '/rosout', '/parameter_events'),
    # of whoever commanded the arm and the gripper
    *('*/joint_trajectory', '*/target_pose', '*/target_frame', '*/pose_target_cmds'),
    *('*/delta_twist_cmds', '*/gripper_command', '*/gripper_trajectory', '*/command'),
)
"""Topics of a bag that a replay leaves out."""


def recorder_process(*, bag: str = '', model: str = '') -> ProcessSpec:
    """What records everything into a bag.

    Args:
        bag: Folder of the bag; empty takes `bags/<time>`.
        model: Bundle in use, which is kept with it; empty is the shipped one.
    """
    options = [part for o, v in (('--out', bag), ('--model', model)) if v for part in (o, v)]
    return ProcessSpec(
        name='recorder',
        command=(*_JEPA_WM, 'bag', 'record', *options),
        device=True,
        optional=True,  # a full disk is no reason to stop an arm
    )


def player_process(bag: str, *, rate: str = '1.0', loop: bool = False) -> ProcessSpec:
    """What publishes the messages of a bag, and its time on /clock.

    What the nodes said and commanded when the bag was recorded stays unsaid: living ones answer
    for themselves, and no controller in reach shall obey a bag. What living nodes publish is left
    out, too, whatever it is.
    """
    options = (
        *('--rate', rate, *(['--loop'] if loop else []), '--leave-out-rivals'),
        *('--exclude', *SAID_BEFORE),
    )
    return ProcessSpec(
        name='player',
        command=(*_JEPA_WM, 'bag', 'play', bag, *options),
        device=True,
        optional=True,
    )


def visualizer_process() -> ProcessSpec:
    """What publishes the markers, paths and plots that RViz shows."""
    return ProcessSpec(
        name='visualizer',
        nodes=('visualizer',),
        parameter_files=('visualizer.yaml',),
        optional=True,
    )


def rviz_process(namespace: str = '', remappings: Mapping[str, str] | None = None) -> ProcessSpec:
    """RViz with our displays.

    Args:
        namespace: Of the nodes that it shows.
        remappings: New topic names by old ones.
    """
    command = ['rviz2', '-d', str(share('rviz', 'jepa_wm.rviz')), '--ros-args']
    for old, new in (remappings or {}).items():
        command += ['-r', f'{old}:={new}']
    if namespace:
        command += ['-r', f'__ns:=/{namespace.strip("/")}']
    return ProcessSpec(name='rviz', command=tuple(command), optional=True)


def cell(overrides: Overrides | None = None) -> tuple[ProcessSpec, ...]:
    """The simulated cell with everything that moves it, in the order in which to start it.

    Args:
        overrides: Parameter values by node name.

    Raises:
        BringupError: There is no such node.
    """
    patient = replace(action_publisher_process(), defaults=PATIENCE)
    processes = (sim_process(), patient, policy_process())
    local = [replace(p, environment={**LOCAL, **p.environment}) for p in processes]
    return with_overrides(local, overrides or {})


def franka(
    *,
    parameter_files: Iterable[str] = (),
    remappings: Mapping[str, str] | None = None,
    defaults: Overrides | None = None,
    overrides: Overrides | None = None,
) -> tuple[ProcessSpec, ...]:
    """What moves a real Franka arm; its drivers and controllers are not among it.

    Args:
        parameter_files: Read after the files of the nodes.
        remappings: New topic names by old ones.
        defaults: Parameter values by node name; the user's own files win over them.
        overrides: Parameter values by node name; they win over all files.

    Raises:
        BringupError: There is no such node.
    """
    processes = [
        replace(
            process,
            parameter_files=(*process.parameter_files, *parameter_files),
            remappings=dict(remappings or {}),
        )
        for process in (action_publisher_process(), policy_process())
    ]
    return with_overrides(with_defaults(processes, defaults or {}), overrides or {})


def with_overrides(
    processes: Iterable[ProcessSpec], overrides: Overrides
) -> tuple[ProcessSpec, ...]:
    """The processes with parameter values added that win over all files.

    Nodes in one process share them: a name means the same in encoder and planner.

    Raises:
        BringupError: There is no such node.
    """
    added = _by_process(tuple(processes), overrides)
    return tuple(replace(p, parameters={**p.parameters, **own}) for p, own in added)


def with_defaults(
    processes: Iterable[ProcessSpec], defaults: Overrides
) -> tuple[ProcessSpec, ...]:
    """The processes with parameter values added that the user's files win over.

    Raises:
        BringupError: There is no such node.
    """
    added = _by_process(tuple(processes), defaults)
    return tuple(replace(p, defaults={**p.defaults, **own}) for p, own in added)


def _by_process(
    processes: tuple[ProcessSpec, ...], overrides: Overrides
) -> list[tuple[ProcessSpec, dict[str, ParameterValue]]]:
    """Each process with the values of its nodes."""
    known = [node for process in processes for node in process.nodes]
    unknown = [node for node in overrides if node not in known]
    if unknown:
        raise BringupError(f'no node {", ".join(unknown)}; there are: {", ".join(known)}')
    result = []
    for process in processes:
        added: dict[str, ParameterValue] = {}
        for node in process.nodes:
            added.update(overrides.get(node, {}))
        result.append((process, added))
    return result
