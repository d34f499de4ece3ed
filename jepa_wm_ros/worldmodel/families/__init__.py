"""Families of world models: how an encoder and a predictor are put together, one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.protocol import WorldModel

FAMILIES = ('lewm', 'jepa_wm', 'dino_wm', 'vjepa2_ac', 'cjepa', 'pldm')
"""Each is a module of this package with `build(contract, source) -> WorldModel`."""


def build(contract: Contract, source: Path | str = 'model.yaml') -> WorldModel:
    """Build a model of the contract's family, with random weights.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.

    Raises:
        SchemaError: The family is unknown, or its architecture settings are wrong.
    """
    from jepa_wm_ros.worldmodel.schema import SchemaError

    if contract.family not in FAMILIES:
        raise SchemaError(
            f'{source}: family must be one of {", ".join(FAMILIES)}, got {contract.family!r}'
        )
    family = importlib.import_module(f'{__name__}.{contract.family}')
    return cast('WorldModel', family.build(contract, source))
