"""Families of world models: how an encoder and a predictor are put together, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel

FAMILIES = ('lewm',)


def build(contract: Contract, source: Path | str = 'model.yaml') -> LeWorldModel:
    """Build a model of the contract's family, with random weights.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.

    Raises:
        SchemaError: The family is unknown, or its architecture settings are wrong.
    """
    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel
    from jepa_wm_ros.worldmodel.schema import SchemaError

    if contract.family not in FAMILIES:
        raise SchemaError(
            f'{source}: family must be one of {", ".join(FAMILIES)}, got {contract.family!r}'
        )
    return LeWorldModel.from_contract(contract, source)
