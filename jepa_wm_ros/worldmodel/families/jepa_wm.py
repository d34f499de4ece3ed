"""JEPA-WM (arXiv 2512.24497): patch tokens of a frozen encoder, AdaLN and rotary positions.

The same predictor with `conditioning: feature` or `token` gives the paper's ablations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel, build_frame_model

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract

DEFAULTS = {
    'predictor': {'depth': 6, 'heads': 16, 'conditioning': 'adaln', 'positions': 'rope'},
}


def build(contract: Contract, source: Path | str) -> FrameWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong.
    """
    return build_frame_model(contract, source, DEFAULTS)
