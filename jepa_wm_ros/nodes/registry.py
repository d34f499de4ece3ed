"""Classes by name, imported when they are used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def registered(package: str, table: Mapping[str, tuple[str, str]], name: str) -> Any:
    """Return the class of a name, so that what it imports is needed only by who uses it.

    Args:
        package: Where the modules of the table are.
        table: Module in the package and class in the module, by name.
        name: Of the row.
    """
    module, kind = table[name]
    return getattr(importlib.import_module(f'{package}.{module}'), kind)
