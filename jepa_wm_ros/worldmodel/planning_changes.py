"""Planning settings with some values replaced, as a command line or a parameter says them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping


def changed(
    settings: PlanningSettings, changes: Mapping[str, Any], source: str = 'changes'
) -> PlanningSettings:
    """Return settings with some values replaced; groups, pins and terms as in YAML.

    Another solver brings the sizes that suit it, unless they are among the changes.

    Args:
        settings: What is changed.
        changes: New values by name.
        source: Where they come from, for the messages.

    Raises:
        SchemaError: A name is unknown, or a value impossible.
    """
    try:
        base = settings.for_solver(changes.get('solver', settings.solver))
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f'{source}: {error}') from error
    return read(PlanningSettings, {**plain(base), **changes}, source, 'planning')


def parse_mapping(text: str, source: str) -> dict[str, Any]:
    """Read a YAML mapping of settings; nothing is none.

    Raises:
        SchemaError: It is not a mapping, or not valid YAML.
    """
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SchemaError(f'{source}: not valid YAML: {error}') from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SchemaError(f'{source} must be a YAML mapping such as {{samples: 256}}: {text!r}')
    return value
