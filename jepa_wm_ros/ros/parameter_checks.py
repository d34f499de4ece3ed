"""Refuses parameters that would have no effect, before anything starts.

ROS drops in silence what is written for a node that is not there, or under a name that no node
declares: the defaults are in force then, and whoever wrote a lower limit does not learn of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import params
from jepa_wm_ros.ros.parameter_files import (
    Entry,
    ParameterFileError,
    Value,
    reaches,
    read_parameter_file,
    typed,
)
from jepa_wm_ros.ros.reference import CONFIGS, config_of

if TYPE_CHECKING:
    from jepa_wm_ros.ros.bringup import ProcessSpec

ALL_NODES = '/**'
_NEAR = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardParameters:
    """What every node of ours has besides the parameters of its config."""

    autostart: bool = params.parameter(True, 'Whether the node activates itself.')
    use_sim_time: bool = params.parameter(False, 'Whether the node follows /clock.')
    start_type_description_service: bool = params.parameter(True, 'Of rclpy.')


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedNode:
    """A node that is, or will be, there.

    Attributes:
        name: With its namespace.
        kind: Its name in `CONFIGS`.
        process: What runs it.
    """

    name: str
    kind: str
    process: ProcessSpec

    def declares(self, parameter: str) -> bool:
        """Whether it has a parameter of this name."""
        return parameter in _names(self.kind)


def check_processes(processes: Iterable[ProcessSpec], namespace: str = '') -> None:
    """Check the user's files of parameters, and the values that arguments give, of processes.

    Args:
        processes: Those that are to be started.
        namespace: Of all nodes.

    Raises:
        ParameterFileError: A file cannot be read, or one of its entries would have no effect or
            is not accepted.
        ParameterError: A value is not accepted.
    """
    processes = tuple(processes)
    space = f'/{namespace.strip("/")}' if namespace.strip('/') else ''
    nodes = [
        StartedNode(name=f'{space}/{node}', kind=node, process=process)
        for process in processes
        for node in process.nodes
        if node in CONFIGS
    ]
    files = list(dict.fromkeys(file for process in processes for file in process.user_files))
    for file in files:
        entries = read_parameter_file(Path(file))
        for entry in entries:
            _check_entry(entry, nodes)
        _check_winners(entries, nodes)
    for node in nodes:
        _check_whole(node)


def effective(node: StartedNode) -> dict[str, Value]:
    """The values that a node will have from files and arguments, by parameter, as ROS finds them.

    ROS gathers all values of one key of the files (`/**`, `/planner`, …), and lets keys win over
    each other in the order in which they first appeared: `/planner` wins over a later `/**`, and
    over `-p`, too.
    """
    gathered: dict[str, dict[str, Value]] = {}
    process = node.process
    files = [*process.parameter_paths(), *map(Path, process.user_files)]
    count = len(process.parameter_files)
    for index, path in enumerate(files):
        if index == count:
            gathered.setdefault(ALL_NODES, {}).update(process.defaults)
        for entry in read_parameter_file(path):
            gathered.setdefault(entry.nodes, {})[entry.name] = entry.value
    if len(files) == count:
        gathered.setdefault(ALL_NODES, {}).update(process.defaults)
    gathered.setdefault(ALL_NODES, {}).update(process.parameters)
    values: dict[str, Value] = {}
    for pattern, own in gathered.items():
        if reaches(pattern, node.name):
            values |= own
    return {name: value for name, value in values.items() if node.declares(name)}


@cache
def _names(kind: str) -> tuple[str, ...]:
    """The parameters of a kind of node."""
    return (*params.parameters_of(config_of(kind)), *params.parameters_of(StandardParameters))


def _config(kind: str, parameter: str) -> type:
    """The dataclass that a parameter of a kind of node is a field of."""
    standard = parameter in params.parameters_of(StandardParameters)
    return StandardParameters if standard else config_of(kind)


def _check_entry(entry: Entry, nodes: Sequence[StartedNode]) -> None:
    """Refuse an entry that reaches no node, names no parameter, or is not accepted."""
    reached = [node for node in nodes if entry.reaches(node.name)]
    if not reached:
        raise ParameterFileError(f'{entry.where}: {unreached(entry.nodes, _all(nodes))}')
    takers = [node for node in reached if node.declares(entry.name)]
    if not takers:
        raise ParameterFileError(f'{entry.where}: {_undeclared(entry, reached, nodes)}')
    for node in takers:
        check_value(entry, node.kind)
        decided = node.process.parameters
        if entry.name in decided and decided[entry.name] != entry.value:
            raise ParameterFileError(
                f'{entry.where}: arguments of the system decide this one, here '
                f'{decided[entry.name]!r}; take it out of the file and give the argument (see '
                '`jepa-wm up SYSTEM --show-args`)'
            )


def check_value(entry: Entry, kind: str) -> None:
    """Judge the value of an entry as a node of a kind takes it.

    Raises:
        ParameterFileError: Its type or range is another one.
    """
    config = _config(kind, entry.name)
    try:
        params.check(config, entry.name, entry.value)
    except JepaWmError as error:
        message = str(error)
        info = params.parameters_of(config)[entry.name]
        bare = message.removeprefix(f'{entry.name} ')
        hint = _hint(entry, config)
        accepted = f' (accepted: {info.accepted})' if info.accepted not in ('', bare) else ''
        raise ParameterFileError(f'{entry.where}: {bare}{hint}{accepted}') from error


def _hint(entry: Entry, config: type) -> str:
    """What was probably meant by a value of another type."""
    if entry.quoted:
        try:
            params.check(config, entry.name, typed(entry.text))
        except JepaWmError:
            return ''
        return '; write it without quotes'
    if isinstance(entry.value, bool | int | float) and entry.text:
        try:
            params.check(config, entry.name, entry.text)
        except JepaWmError:
            return ''
        return f"; write '{entry.text}' in quotes, or ROS takes it for {entry.value!r}"
    return ''


def _all(nodes: Sequence[StartedNode]) -> list[str]:
    return [node.name for node in nodes]


def unreached(pattern: str, nodes: Sequence[str]) -> str:
    """Say why a key of a parameter file stands for no node that is there."""
    started = 'started are: ' + ', '.join(nodes)
    base = pattern.rsplit('/', 1)[-1]
    for node in nodes:
        if base == node.rsplit('/', 1)[-1]:
            return f'the node is {node} here; write {node}: or {ALL_NODES}:'
    if base in CONFIGS:
        return f'the node {base} is not started here, so that this has no effect; {started}'
    near = difflib.get_close_matches(base, [n.rsplit('/', 1)[-1] for n in nodes], 1, _NEAR)
    meant = [node for node in nodes if near and node.endswith(f'/{near[0]}')]
    asked = f' (did you mean {meant[0]}?)' if meant else ''
    return f'no node of that name is started{asked}; {started}'


def _undeclared(entry: Entry, reached: Sequence[StartedNode], nodes: Sequence[StartedNode]) -> str:
    """Say why no node takes a parameter of this name."""
    who = ', '.join(node.name for node in reached)
    near = _nearest(entry.name, [name for node in reached for name in _names(node.kind)])
    if entry.name.rpartition('.')[2] == near:
        return f'there are no groups of parameters; write {near} directly below ros__parameters'
    owners = [node.name for node in nodes if node.declares(entry.name)]
    if owners:
        return f'not a parameter of {who}, but of {", ".join(owners)}'
    elsewhere = [kind for kind in CONFIGS if entry.name in _names(kind)]
    if elsewhere:
        kinds = ', '.join(elsewhere)
        return f'a parameter of {kinds}, which is not started here; started are: {who}'
    asked = f'; did you mean {near}?' if near else '; see docs/parameters.md'
    return f'no parameter of {who}{asked}'


def _nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty for none."""
    candidates = list(dict.fromkeys(known))
    last = name.rpartition('.')[2]
    if last != name and last in candidates:
        return last
    near = difflib.get_close_matches(name, candidates, 1, _NEAR)
    if near:
        return near[0]
    longer = [known for known in candidates if name.lower() in known]
    return longer[0] if len(longer) == 1 else ''


def _check_winners(entries: Sequence[Entry], nodes: Sequence[StartedNode]) -> None:
    """Refuse an entry that another one of the same file wins over for every node it is for."""
    order = list(dict.fromkeys([ALL_NODES, *(entry.nodes for entry in entries)]))
    for entry in entries:
        takers = [n for n in nodes if entry.reaches(n.name) and n.declares(entry.name)]
        rivals = [e for e in entries if e.name == entry.name and e is not entry]
        winners = [
            [e for e in rivals if e.reaches(n.name) and _later(e, entry, order)] for n in takers
        ]
        if all(winners):
            other = winners[0][0]
            raise ParameterFileError(
                f'{entry.where}: has no effect, since {other.nodes} {other.name} on line '
                f'{other.line} wins; take one of them out'
            )


def _later(one: Entry, other: Entry, order: Sequence[str]) -> bool:
    return order.index(one.nodes) > order.index(other.nodes)


def _check_whole(node: StartedNode) -> None:
    """Refuse values that do not go together."""
    values = effective(node)
    config = config_of(node.kind)
    own = {name: v for name, v in values.items() if name in params.parameters_of(config)}
    try:
        params.build(config, own)
    except JepaWmError as error:
        user = ', '.join(node.process.user_files)
        where = f'{user}: ' if user else ''
        raise ParameterFileError(f'{where}{node.name}: {error}') from error


# -- what is given to a process of ours on its command line ---------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenParameters:
    """Files and values of parameters on the command line of a process.

    Attributes:
        files: In order.
        values: `NAME:=VALUE` or `NODE:NAME:=VALUE`, in order.
    """

    files: tuple[Path, ...] = ()
    values: tuple[str, ...] = ()


def given_parameters(words: Sequence[str]) -> GivenParameters:
    """Find what ROS takes for parameters in a command line."""
    files: list[Path] = []
    values: list[str] = []
    ros, before = False, ''
    for word in words:
        if word == '--ros-args':
            ros = True
        elif word == '--':
            ros = False
        elif ros and before == '--params-file':
            files.append(Path(word))
        elif ros and before in ('-p', '--param'):
            values.append(word)
        before = word
    return GivenParameters(files=tuple(files), values=tuple(values))


def check_given(given: GivenParameters) -> None:
    """Judge parameters on a command line before there are nodes.

    A file may be for several processes: only values that no node of their name would take are
    refused here.

    Raises:
        ParameterFileError: A file cannot be read, or a value is not accepted.
    """
    for file in given.files:
        for entry in read_parameter_file(file):
            base = entry.nodes.rsplit('/', 1)[-1]
            kinds = [base] if base in CONFIGS else list(CONFIGS) if '*' in base else []
            _check_one_of(entry, [kind for kind in kinds if entry.name in _names(kind)])


def _check_one_of(entry: Entry, kinds: Sequence[str]) -> None:
    """Refuse a value that all of some kinds of nodes refuse."""
    errors: list[ParameterFileError] = []
    for kind in kinds:
        try:
            check_value(entry, kind)
        except ParameterFileError as error:
            errors.append(error)
    if errors and len(errors) == len(kinds):
        raise errors[0]


def check_reached(given: GivenParameters, nodes: Mapping[str, Collection[str]]) -> None:
    """Refuse parameters on a command line that none of the process's nodes takes.

    Args:
        given: The command line.
        nodes: The parameters that are declared, by name of the node with its namespace.

    Raises:
        ParameterFileError: An entry of a file is for nobody; entries for other nodes of this
            package, which may run elsewhere, are not.
        ParameterError: The same for a value.
    """
    for file in given.files:
        entries = read_parameter_file(file)
        used = {node for entry in entries for node in nodes if entry.reaches(node)}
        for entry in entries:
            _check_taken(entry, nodes, used)
    for word in given.values:
        _check_assignment(word, nodes)


def _check_taken(
    entry: Entry, nodes: Mapping[str, Collection[str]], used: Collection[str]
) -> None:
    """Refuse an entry that nobody takes."""
    reached = [node for node in nodes if entry.reaches(node)]
    if any(entry.name in nodes[node] for node in reached):
        return
    if '*' in entry.nodes and any(entry.name in _names(kind) for kind in CONFIGS):
        return  # for a process beside this one
    if reached:
        near = _nearest(entry.name, [name for node in reached for name in nodes[node]])
        asked = f'; did you mean {near}?' if near else '; see docs/parameters.md'
        raise ParameterFileError(f'{entry.where}: no parameter of {", ".join(reached)}{asked}')
    base = entry.nodes.rsplit('/', 1)[-1]
    same = [node for node in nodes if node.rsplit('/', 1)[-1] == base]
    elsewhere = base in CONFIGS and not same
    if elsewhere or any(node in used for node in same):
        return
    raise ParameterFileError(f'{entry.where}: {unreached(entry.nodes, list(nodes))}')


def _check_assignment(word: str, nodes: Mapping[str, Collection[str]]) -> None:
    """Refuse `-p NAME:=VALUE` or `-p NODE:NAME:=VALUE` that nobody takes."""
    left = word.partition(':=')[0]
    node, _, name = left.rpartition(':')
    reached = [n for n in nodes if not node or n.rsplit('/', 1)[-1] == node.lstrip('/')]
    if any(name in nodes[n] for n in reached):
        return
    if not reached:
        raise params.ParameterError(f'-p {word}: {unreached(f"/{node}", list(nodes))}')
    near = _nearest(name, [known for n in reached for known in nodes[n]])
    asked = f'; did you mean {near}?' if near else '; see docs/parameters.md'
    raise params.ParameterError(f'-p {word}: no parameter of {", ".join(reached)}{asked}')
