"""What published files contain: names, shapes and types, written down from the facts about them.

These tables are independent of our own models on purpose: a checkpoint that is fabricated from
them and imported shows that the model has exactly what was published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jepa_wm_ros.worldmodel.published.layouts.layout import Layout


def read_layout(mapping: Mapping[str, Any], source: Path | str, key: str) -> Layout:
    """Read the layout of a published file.

    Args:
        mapping: `system`, and the sizes that this system's layout asks for.
        source: The file that it came from, for the messages.
        key: The dotted key of the mapping in the file, for the messages.

    Raises:
        SchemaError: The system is unknown, or a size is unknown, missing or wrong.
    """
    from jepa_wm_ros.worldmodel.published.layouts import cjepa, encoders, jepa_wms, lewm
    from jepa_wm_ros.worldmodel.schema import SchemaError, read

    systems: dict[str, type[Layout]] = {
        'jepa_wm': jepa_wms.JepaWmLayout,
        'dino_wm': jepa_wms.DinoWmLayout,
        'vjepa2_ac': jepa_wms.Vjepa2AcLayout,
        'dinov2': encoders.Dinov2Layout,
        'dinov3': encoders.Dinov3Layout,
        'vjepa2': encoders.Vjepa2Layout,
        'lewm': lewm.LewmLayout,
        'cjepa': cjepa.CjepaLayout,
    }
    sizes = dict(mapping)
    system = sizes.pop('system', None)
    if system not in systems:
        raise SchemaError(
            f'{source}: {key}.system must be one of {", ".join(systems)}, got {system!r}'
        )
    return read(systems[system], sizes, source, key)
