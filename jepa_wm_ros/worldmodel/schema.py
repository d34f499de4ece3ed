"""Strict reading of YAML mappings into dataclasses, with errors that name the file and the key."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = TypeVar('T')


class SchemaError(JepaWmError):
    """A configuration file does not say what it has to say."""


def read(cls: type[T], mapping: Mapping[str, Any], source: Path | str, key: str = '') -> T:
    """Build the dataclass `cls` from a mapping, strictly.

    Nested dataclasses are read in turn; sequences become tuples; an int is taken for a float, and
    nothing else is converted.

    Args:
        cls: A dataclass whose field types are scalars, tuples, dicts, dataclasses or `X | None`.
        mapping: What was read from the file.
        source: The file's name, for the messages.
        key: The dotted key of this mapping inside the file, for the messages.

    Raises:
        SchemaError: A key is unknown, missing, of a wrong type or refused by the dataclass.
    """
    if not isinstance(mapping, dict):
        raise SchemaError(f'{source}: {key or "the file"} must be a mapping, got {mapping!r}')
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    unknown = sorted(set(mapping) - set(fields))
    if unknown:
        raise SchemaError(
            f'{source}: unknown key {_dotted(key, unknown[0])}; accepted: '
            + ', '.join(sorted(fields))
        )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in mapping:
            values[name] = _convert(hints[name], mapping[name], source, _dotted(key, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SchemaError(f'{source}: missing key {_dotted(key, name)}')
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise SchemaError(f'{source}: {key or "the file"}: {error}') from error


def plain(value: Any) -> Any:
    """Return a dataclass as what YAML can say: mappings, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _dotted(key: str, name: str) -> str:
    return f'{key}.{name}' if key else name


def _convert(hint: Any, value: Any, source: Path | str, key: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in typing.get_args(hint):
            return None
        return _convert(typing.get_args(hint)[0], value, source, key)
    if dataclasses.is_dataclass(hint):
        return read(hint, value, source, key)  # type: ignore[arg-type]
    if origin is tuple:
        return _convert_tuple(hint, value, source, key)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if expected is Any:
        return value
    if not isinstance(value, expected) or (expected is not bool and isinstance(value, bool)):
        raise SchemaError(f'{source}: {key} must be {_name(hint)}, got {value!r}')
    return value


def _convert_tuple(hint: Any, value: Any, source: Path | str, key: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise SchemaError(f'{source}: {key} must be a list, got {value!r}')
    item, *rest = typing.get_args(hint)
    if rest != [Ellipsis] and len(value) != 1 + len(rest):
        raise SchemaError(f'{source}: {key} must have {1 + len(rest)} entries, got {len(value)}')
    return tuple(_convert(item, entry, source, f'{key}[{i}]') for i, entry in enumerate(value))


def _name(hint: Any) -> str:
    return getattr(hint, '__name__', str(hint))
