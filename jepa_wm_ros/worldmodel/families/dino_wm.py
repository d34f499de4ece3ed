"""DINO-WM (arXiv 2411.04983): action and state as features of every patch, learned positions.

The transformer works on the latent itself, [patch | state | action], without projections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel, build_frame_model

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract

DEFAULTS = {
    'predictor': {
        'depth': 6,
        'heads': 16,
        'head_dim': 64,
        'mlp_dim': 2048,
        'conditioning': 'feature',
        'action_dim': 10,
        'positions': 'learned',
        'norm_eps': 1e-5,
        'qkv_bias': False,
        'dropout': 0.1,
    },
}


def build(contract: Contract, source: Path | str) -> FrameWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong.
    """
    return build_frame_model(contract, source, DEFAULTS)
