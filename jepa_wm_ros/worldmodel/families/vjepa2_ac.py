"""V-JEPA 2-AC (arXiv 2506.09985): the action, and the arm's state, as tokens before the patches.

The state of a predicted frame is integrated from the actions; latents are normalised per token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel, build_frame_model

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract

DEFAULTS = {
    'normalise': True,
    'predictor': {
        'depth': 24,
        'heads': 16,
        'width': 1024,
        'conditioning': 'token',
        'positions': 'rope',
        'frames': 8,
    },
}


def build(contract: Contract, source: Path | str) -> FrameWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong.
    """
    return build_frame_model(contract, source, DEFAULTS)
