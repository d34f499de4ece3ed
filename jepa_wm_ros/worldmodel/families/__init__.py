"""Families of world models: how an encoder and a predictor are put together.

A family is a module of this package with `build(contract, source) -> WorldModel`; its name is what
contracts call it. Other modules hold what families have in common.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def build(contract: Contract, source: Path | str = 'model.yaml') -> WorldModel:
    """Build a model of the contract's family, with random weights.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.

    Raises:
        SchemaError: The family is unknown, or its architecture settings are wrong.
    """
    from jepa_wm_ros.worldmodel.schema import SchemaError

    if contract.family not in families():
        raise SchemaError(
            f'{source}: family must be one of {", ".join(families())}, got {contract.family!r}'
        )
    return cast('WorldModel', _module(contract.family).build(contract, source))


def families() -> tuple[str, ...]:
    """Return the names of the families, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in names if hasattr(_module(name), 'build'))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f'{__name__}.{name}')
