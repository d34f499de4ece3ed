"""Files of ROS parameters, read as ROS reads them, with the line of every entry.

ROS has typing rules of its own (`on` and `y` are booleans, `1e3` is a number, `1_000` a word), and
drops in silence what reaches no node. Imports no ROS.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROS_PARAMETERS = 'ros__parameters'
"""The key under which parameters of a node stand."""

Value = bool | int | float | str | list[Any]

_TRUE = {'Y', 'y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'}
_FALSE = {'N', 'n', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'}
_INTEGER = re.compile(r'[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)')
_FLOAT = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')
_NOT_FINITE = re.compile(r'[+-]?\.?(inf|nan)|[+-]?infinity', re.IGNORECASE)
_NODE_PATTERN = re.compile(r'(/(\w+|\*|\*\*))+')
_NEAR = 0.75


class ParameterFileError(JepaWmError):
    """A file of parameters that cannot be read, or an entry of it that would have no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One parameter in a file.

    Attributes:
        file: Where it stands.
        line: Its line, from 1.
        nodes: The nodes that it is for, with `*` for any name and `**` for any number of them.
        name: Of the parameter.
        value: As ROS types it.
        text: As it is written, for a single value.
        quoted: Whether it is written as text, in quotes or as a block.
    """

    file: Path
    line: int
    nodes: str
    name: str
    value: Value
    text: str = ''
    quoted: bool = False

    @property
    def where(self) -> str:
        """File, line and key, for messages."""
        return f'{self.file}:{self.line}: {self.nodes} {self.name}'

    def reaches(self, node: str) -> bool:
        """Whether ROS gives it to a node, named with its namespace."""
        return reaches(self.nodes, node)


def reaches(pattern: str, node: str) -> bool:
    """Whether a key of a parameter file stands for a node, named with its namespace."""
    words = [
        r'(/\w+)*' if w == '**' else r'/\w+' if w == '*' else f'/{w}' for w in _split(pattern)
    ]
    return re.fullmatch(''.join(words), node) is not None


DEEPEST = 50
"""No file of parameters has more levels: namespaces, node, groups, lists."""


def read_parameter_file(path: Path) -> list[Entry]:
    """Read all entries of a parameter file, in order.

    Raises:
        ParameterFileError: It is not there or unreadable, no YAML, no file of ROS parameters, or
            something that ROS would take otherwise than it looks.
    """
    text = _read(path)
    try:
        _check_events(path, text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        raise ParameterFileError(f'{path}: not ROS parameters: nested too deeply') from error
    if root is None:
        raise ParameterFileError(f'{path}: the file has no entries, so that it has no effect')
    if not isinstance(root, yaml.MappingNode):
        raise _wrong(path, root, f'expected NODE: {ROS_PARAMETERS}: NAME: VALUE')
    entries = list(_sections(path, root, ''))
    if not entries:
        raise ParameterFileError(f'{path}: the file has no parameters, so that it has no effect')
    return entries


def typed(text: str) -> bool | int | float | str:
    """Return what ROS makes of a value without quotes."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        number = _integer(text)
        return number if -(2**63) <= number < 2**63 else float(number)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return text if math.isinf(value) else value
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace('.', ''))
    return text


def _integer(text: str) -> int:
    sign = -1 if text.startswith('-') else 1
    digits = text.lstrip('+-')
    if digits[:2] in ('0x', '0X'):
        return sign * int(digits, 16)
    return sign * int(digits, 8 if digits.startswith('0') else 10)


def _split(pattern: str) -> list[str]:
    return [word for word in pattern.split('/') if word]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode('utf-8-sig')
    except IsADirectoryError as error:
        raise ParameterFileError(f'{path} is a folder, not a file of parameters') from error
    except FileNotFoundError as error:
        raise ParameterFileError(f'{path} is not a file: there is nothing of that name') from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b'\n') + 1
        raise ParameterFileError(f'{path}:{line}: not UTF-8; save the file as UTF-8') from error
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise ParameterFileError(f'{path} cannot be read: {reason}') from error


def _check_events(path: Path, text: str) -> None:
    """Refuse what is no YAML, and what is YAML that ROS does not read."""
    documents = depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            start: Any = event.start_mark
            line = start.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                # at once: the parser takes time with the square of the depth
                raise ParameterFileError(f'{path}:{line}: not ROS parameters: nested too deeply')
            if isinstance(event, yaml.AliasEvent):
                raise ParameterFileError(
                    f'{path}:{line}: *{event.anchor} is an alias, which ROS does not read; '
                    'write the values out'
                )
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise ParameterFileError(
                        f'{path}:{line}: a second document begins here; a file of parameters has '
                        'one, so take the line --- out'
                    )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = error.problem or error.context or 'cannot be read'
        if "'\\t'" in problem:
            problem += '; indent with spaces, YAML takes no tabs'
        raise ParameterFileError(f'{path}:{line}: not YAML: {problem}') from error
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ParameterFileError(f'{path}: not YAML: {reason}') from error


def _wrong(path: Path, node: yaml.Node, message: str) -> ParameterFileError:
    return ParameterFileError(f'{path}:{node.start_mark.line + 1}: {message}')


def _pairs(path: Path, mapping: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """The keys of a mapping with key and value nodes; each key once."""
    seen: dict[str, int] = {}
    for key, value in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(path, key, 'a list or a mapping cannot be a name')
        name = str(key.value)
        line = key.start_mark.line + 1
        same = name.lstrip('/') or name
        if same in seen:
            raise ParameterFileError(
                f'{path}:{line}: {name} stands here and on line {seen[same]}; only one of them '
                'would count, so take one out'
            )
        seen[same] = line
        yield name, key, value


def _sections(path: Path, mapping: yaml.MappingNode, above: str) -> Iterator[Entry]:
    """The entries of all nodes in a mapping of names of namespaces and nodes."""
    for name, key, value in _pairs(path, mapping):
        if name == ROS_PARAMETERS:
            raise _wrong(
                path,
                key,
                f'{ROS_PARAMETERS} stands under no node; write /**: above it for all nodes, or '
                'the name of one',
            )
        nodes = f'{above}/{name.strip("/")}'
        if not _NODE_PATTERN.fullmatch(nodes):
            raise _wrong(
                path,
                key,
                f'{name} is no name of a node; names have letters, digits and _, and * or ** '
                'stand for whole names between /',
            )
        if isinstance(value, yaml.ScalarNode) and not value.value:
            raise _wrong(path, key, f'{name} has nothing below it, so that it has no effect')
        if not isinstance(value, yaml.MappingNode):
            raise _wrong(path, key, _not_a_section(name, above))
        keys = {str(k.value): v for k, v in value.value if isinstance(k, yaml.ScalarNode)}
        if ROS_PARAMETERS in keys:
            yield from _section(path, value, nodes)
            continue
        near = difflib.get_close_matches(ROS_PARAMETERS, keys, n=1, cutoff=_NEAR)
        if near:
            wrong = next(k for k, _ in value.value if k.value == near[0])
            raise _wrong(path, wrong, f'{nodes} {near[0]}: did you mean {ROS_PARAMETERS}?')
        if not keys:
            raise _wrong(path, key, f'{name} has no {ROS_PARAMETERS}, so that it has no effect')
        yield from _sections(path, value, nodes)


def _not_a_section(name: str, above: str) -> str:
    if above:
        return (
            f'{name} stands directly under {above}; parameters stand under {ROS_PARAMETERS}: '
            f'below the node (write {above}: {ROS_PARAMETERS}: {name}: …)'
        )
    return (
        f'{name} stands under no node; write NODE: {ROS_PARAMETERS}: {name}: …, with /** for all '
        'nodes'
    )


def _section(path: Path, mapping: yaml.MappingNode, nodes: str) -> Iterator[Entry]:
    """The entries of one node."""
    for name, key, value in _pairs(path, mapping):
        if name != ROS_PARAMETERS:
            raise _wrong(
                path,
                key,
                f'{name} stands beside {ROS_PARAMETERS} of {nodes}; parameters stand below it, '
                'indented',
            )
        if not isinstance(value, yaml.MappingNode):
            raise _wrong(path, key, f'{ROS_PARAMETERS} of {nodes} has no NAME: VALUE below it')
        yield from _parameters(path, value, nodes, '')


def _parameters(path: Path, mapping: yaml.MappingNode, nodes: str, group: str) -> Iterator[Entry]:
    for name, key, value in _pairs(path, mapping):
        full = f'{group}.{name}' if group else name
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _parameters(path, value, nodes, full)
            continue
        yield Entry(
            file=path,
            line=key.start_mark.line + 1,
            nodes=nodes,
            name=full,
            value=_value(path, value, f'{nodes} {full}'),
            text=value.value if isinstance(value, yaml.ScalarNode) else '',
            quoted=isinstance(value, yaml.ScalarNode) and _is_text(value),
        )


def _value(path: Path, node: yaml.Node, what: str) -> Value:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(path, node, what)
    if not isinstance(node, yaml.SequenceNode):
        raise _wrong(path, node, f'{what} has no value')
    items = []
    for item in node.value:
        if not isinstance(item, yaml.ScalarNode):
            raise _wrong(path, item, f'{what} has a list or a mapping in its list')
        items.append(_scalar(path, item, what))
    kinds = {type(item) for item in items}
    if len(kinds) > 1:
        hint = '; write whole numbers with a decimal point, too' if kinds == {int, float} else ''
        names = ' and '.join(sorted(kind.__name__ for kind in kinds))
        raise _wrong(path, node, f'{what} mixes {names}, which ROS refuses{hint}')
    return items


def _scalar(path: Path, node: yaml.ScalarNode, what: str) -> bool | int | float | str:
    if _is_text(node):
        return str(node.value)
    if node.value == '':
        raise _wrong(path, node, f"{what} has no value; write '' for an empty text")
    return typed(str(node.value))


def _is_text(node: yaml.ScalarNode) -> bool:
    """Whether a scalar is text by how it is written: quotes, a block, or the tag !!str."""
    if node.style is not None:
        return True
    text_tag = yaml.SafeLoader.DEFAULT_SCALAR_TAG
    implicit = yaml.SafeLoader('').resolve(yaml.ScalarNode, node.value, (True, False))
    return bool(node.tag == text_tag and implicit != text_tag)
