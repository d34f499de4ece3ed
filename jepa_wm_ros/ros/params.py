"""ROS parameters from one frozen dataclass per node.

A field made with `parameter(...)` carries its description, unit, range and whether it may change
while the node runs. From it come the declared ROS parameter, the checked value, the default YAML
file and the table in the documentation, so they cannot disagree.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.parameter import Parameter

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node

Config = TypeVar('Config')

_HIGHEST = 1.797e308
_LISTS = (tuple[float, ...], tuple[str, ...])
_ROS_TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
_WORDS = {
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number',
    str: 'a text',
}


class ParameterError(JepaWmError):
    """A parameter has a wrong type or a value that is not accepted."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInfo:
    """What there is to know about one parameter besides its name, type and default.

    Attributes:
        description: One sentence for people.
        unit: SI unit, or empty.
        minimum: Least accepted value, None for no bound. For lists: of each item.
        maximum: Greatest accepted value, None for no bound.
        choices: The accepted words, empty for any.
        length: How many items a list has, None for any number.
        dynamic: Whether it may change while the node runs.
    """

    description: str
    unit: str = ''
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    length: int | None = None
    dynamic: bool = False

    @property
    def accepted(self) -> str:
        """The accepted values in words; empty when there is no restriction."""
        if self.choices:
            return ', '.join(repr(choice) for choice in self.choices)
        low = '' if self.minimum is None else f'>= {self.minimum:g}'
        high = '' if self.maximum is None else f'<= {self.maximum:g}'
        items = '' if self.length is None else f'{self.length} items'
        return ', '.join(part for part in (items, low, high) if part)


def parameter(
    default: Any,
    description: str,
    *,
    unit: str = '',
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    length: int | None = None,
    dynamic: bool = False,
) -> Any:
    """A dataclass field that is a ROS parameter; the arguments are those of `ParameterInfo`."""
    info = ParameterInfo(
        description=description,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        choices=choices,
        length=length,
        dynamic=dynamic,
    )
    return dataclasses.field(default=default, metadata={'parameter': info})


def parameters_of(config: type) -> dict[str, ParameterInfo]:
    """The parameters of a config dataclass, by name, in order."""
    fields = dataclasses.fields(config)
    return {f.name: f.metadata['parameter'] for f in fields if 'parameter' in f.metadata}


def build(config: type[Config], values: Mapping[str, Any]) -> Config:
    """Make the config from parameter values; what is missing keeps its default.

    Raises:
        ParameterError: Unknown name, wrong type, or a value out of range.
        JepaWmError: What the dataclass's own checks raise.
    """
    infos = parameters_of(config)
    types = get_type_hints(config)
    for name in values:
        if name not in infos:
            raise ParameterError(f'no parameter {name!r}; there are: {", ".join(infos)}')
    checked = {name: _check(name, types[name], infos[name], v) for name, v in values.items()}
    return config(**checked)


def check(config: type, name: str, value: Any) -> None:
    """Judge one value, typed as ROS types it: a whole number is none with a decimal point.

    Raises:
        ParameterError: Wrong type, or out of range.
    """
    kind, info = get_type_hints(config)[name], parameters_of(config)[name]
    if kind is float and type(value) is int:
        raise ParameterError(f'write {value}.0, with a decimal point: {value} is a whole number')
    if kind == tuple[float, ...] and info.length is not None and _whole(value):
        raise ParameterError('write all numbers of the list with a decimal point')
    if kind in _LISTS and not isinstance(value, list):
        raise ParameterError(f'a list is accepted, got {value!r}')
    if kind not in _LISTS and isinstance(value, list):
        raise ParameterError(f'{_WORDS[kind]} is accepted, got the list {value!r}')
    if kind not in _LISTS and type(value) is not kind:
        raise ParameterError(f'{_WORDS[kind]} is accepted, got {value!r}')
    _check(name, kind, info, value)


def _whole(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(type(v) is int for v in values)


def declare(node: Node, config: type[Config]) -> Config:
    """Declare the parameters of `config` on a node and read them.

    Raises:
        ParameterError: A given value has the wrong type or is out of range.
    """
    types = get_type_hints(config)
    defaults = {f.name: f.default for f in dataclasses.fields(config)}  # type: ignore[arg-type]
    for name, info in parameters_of(config).items():
        descriptor = _descriptor(name, types[name], info)
        try:
            node.declare_parameter(name, _to_ros(defaults[name]), descriptor)
        except ParameterException as error:
            expected = _ROS_TYPES[types[name]].name.lower()
            raise ParameterError(
                f'parameter {name!r} of node {node.get_name()!r}: {error} '
                f'(type {expected}{_hint(types[name])}; accepted: {info.accepted or "any"})'
            ) from error
    return build(config, {name: node.get_parameter(name).value for name in parameters_of(config)})


def changed(config: Config, updates: Mapping[str, Any]) -> Config:
    """The config with some parameters replaced, checked as a whole.

    Raises:
        ParameterError: As `build`.
    """
    names = parameters_of(type(config))
    return build(type(config), {name: getattr(config, name) for name in names} | dict(updates))


def _check(name: str, kind: Any, info: ParameterInfo, value: Any) -> Any:
    if kind in _LISTS:
        items = () if value is None else tuple(value)  # what an empty list in YAML becomes
        if info.length is not None and len(items) != info.length:
            raise ParameterError(f'{name} must have {info.length} items, got {len(items)}')
        item_kind = float if kind == tuple[float, ...] else str
        return tuple(_check_one(name, item_kind, info, item) for item in items)
    return _check_one(name, kind, info, value)


def _check_one(name: str, kind: Any, info: ParameterInfo, value: Any) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:  # not isinstance: True is no number of anything
        raise ParameterError(f'{name} must be of type {kind.__name__}, got {value!r}')
    if info.choices and value not in info.choices:
        raise ParameterError(f'{name} must be one of {info.accepted}, got {value!r}')
    # written so that NaN is refused as well
    if info.minimum is not None and not value >= info.minimum:
        raise ParameterError(f'{name} must be >= {info.minimum:g} {info.unit}, got {value!r}')
    if info.maximum is not None and not value <= info.maximum:
        raise ParameterError(f'{name} must be <= {info.maximum:g} {info.unit}, got {value!r}')
    return value


def _descriptor(name: str, kind: Any, info: ParameterInfo) -> ParameterDescriptor:
    unit = f' [{info.unit}]' if info.unit else ''
    descriptor = ParameterDescriptor(
        name=name,
        description=f'{info.description}{unit}',
        additional_constraints=info.accepted,
        read_only=not info.dynamic,
    )
    # the type of an empty list cannot be told: rclpy takes it for bytes; `_check` looks at items
    descriptor.dynamic_typing = kind in _LISTS and info.length is None
    bounded = info.minimum is not None or info.maximum is not None
    if bounded and kind is float:
        low = -_HIGHEST if info.minimum is None else float(info.minimum)
        high = _HIGHEST if info.maximum is None else float(info.maximum)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    if bounded and kind is int:
        low = -(2**62) if info.minimum is None else int(info.minimum)
        high = 2**62 if info.maximum is None else int(info.maximum)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor


def _to_ros(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _hint(kind: Any) -> str:
    return ', write it with a decimal point' if kind in (float, tuple[float, ...]) else ''
