"""A system: processes that belong together, made from named arguments. Imports no ROS."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import bringup
from jepa_wm_ros.ros.bringup import BringupError, ParameterValue, ProcessSpec

if TYPE_CHECKING:
    from jepa_wm_ros.ros.arguments import Argument

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running system that has a name.

    Attributes:
        name: What `jepa-wm up` and the launch file call it.
        title: What it is, for people.
        arguments: What may be said about it.
        build: Makes its processes from a value for each argument.
    """

    name: str
    title: str
    arguments: tuple[Argument, ...]
    build: Callable[[Values], Iterable[ProcessSpec]]

    def processes(self, given: Values) -> tuple[ProcessSpec, ...]:
        """Return the processes, in the order in which to start them.

        Args:
            given: Values by argument name; the others take their defaults.

        Raises:
            BringupError: There is no such argument, or it does not take this value; or an entry
                of the user's file of parameters would have no effect.
            MissingFileError: A file that belongs to the package is not there.
        """
        values = self.complete(given)
        processes = [_local_changes(process, values) for process in self.build(values)]
        if values.get('record') == 'true':
            recorder = bringup.recorder_process(bag=values['bag'], model=values.get('model', ''))
            processes.append(_heard_by(processes, recorder))
        if values.get('rviz') == 'true':
            processes += _display(self.name, processes, values)
        _check(processes, values['namespace'])
        return tuple(processes)

    def complete(self, given: Values) -> dict[str, str]:
        """Return a checked value for each argument.

        Raises:
            BringupError: There is no such argument, or it does not take this value.
        """
        values = {argument.name: argument.default for argument in self.arguments}
        for name, value in given.items():
            if name not in values:
                raise BringupError(_unknown(name, self.name, values))
            values[name] = value
        for argument in self.arguments:
            value = values[argument.name]
            accepted = argument.refusal(value)
            if accepted:
                said = value if value.isprintable() else repr(value)
                raise BringupError(
                    f'{argument.name}:={said} is not possible for '
                    f'{self.name}; accepted: {accepted}'
                )
        if values.get('bag') and values.get('record') == 'false':
            raise BringupError(f'bag:={values["bag"]} has no effect without record:=true')
        return values


def _check(processes: Iterable[ProcessSpec], namespace: str) -> None:
    """Refuse parameters that no node would take; here only, the nodes' own code is asked."""
    from jepa_wm_ros.ros.parameter_checks import check_processes

    try:
        check_processes(processes, namespace)
    except JepaWmError as error:
        raise BringupError(str(error)) from error


def _unknown(name: str, system: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    meant = f' (did you mean {near[0]}?)' if near else ''
    return f'{system} has no argument {name}{meant}; there are: {", ".join(names)}'


def _local_changes(process: ProcessSpec, values: Values) -> ProcessSpec:
    """Add what every node takes: the user's file of parameters, log level, autostart, clock."""
    if process.command:
        return process
    own: dict[str, ParameterValue] = {}
    if values['autostart'] == 'false':
        own['autostart'] = False
    return replace(
        process,
        user_files=tuple(_user_files(values)),
        parameters={**process.parameters, **own},
        log_level=values['log_level'],
    )


def _user_files(values: Values) -> list[str]:
    """The absolute path of the user's file of parameters, if there is one."""
    if not values['params_file']:
        return []
    path = Path(values['params_file'])
    try:
        return [str(path.expanduser().absolute())]
    except RuntimeError as error:  # of a ~ that nobody has
        raise BringupError(
            f'params_file:={path}: there is no home folder {path.parts[0]}; write the path out'
        ) from error


def _heard_by(processes: Iterable[ProcessSpec], listener: ProcessSpec) -> ProcessSpec:
    """Nodes that keep to this machine are heard only by one that does so, too."""
    ranges = [
        p.environment[bringup.DISCOVERY] for p in processes if bringup.DISCOVERY in p.environment
    ]
    found = {bringup.DISCOVERY: ranges[0]} if ranges else {}
    return replace(listener, environment={**listener.environment, **found})


def _display(
    system: str, processes: Iterable[ProcessSpec], values: Values
) -> Iterable[ProcessSpec]:
    """RViz, and the visualizer unless it is there, with the topics and files of the policy."""
    by_name = {process.name: process for process in processes}
    shown = by_name.get('policy', by_name.get('visualizer', bringup.visualizer_process()))
    if 'visualizer' not in by_name:
        visualizer = bringup.visualizer_process()
        # the driver of a real arm brings the description of that arm
        own = {'publish_robot': False} if system == 'franka' else {}
        visualizer = replace(
            visualizer,
            parameter_files=(*visualizer.parameter_files, *shown.parameter_files),
            user_files=shown.user_files,
            parameters={**_clock(shown), **own},
            remappings=shown.remappings,
            log_level=shown.log_level,
        )
        yield _heard_by(processes, visualizer)
    yield _heard_by(processes, bringup.rviz_process(values['namespace'], shown.remappings))


def _clock(process: ProcessSpec) -> dict[str, ParameterValue]:
    name = 'use_sim_time'
    return {name: process.parameters[name]} if name in process.parameters else {}
