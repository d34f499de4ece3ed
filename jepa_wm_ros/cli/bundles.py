"""Which bundle a command that moves an arm uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = 'franka_cell_reach'


def chosen_bundle(folder: Path | None) -> tuple[Path, str]:
    """Return the folder of a bundle, by default the shipped one, and `name@fingerprint`.

    Raises:
        BundleError: It is missing or damaged, or no model of an arm.
        MissingFileError: The shipped one is not there.
    """
    from jepa_wm_ros.paths import share
    from jepa_wm_ros.worldmodel.bundle import check_cartesian, load_contract

    path = (folder or share('models', SHIPPED)).absolute()
    contract = load_contract(path)
    check_cartesian(contract, path)
    return path, f'{contract.name}@{contract.fingerprint}'
