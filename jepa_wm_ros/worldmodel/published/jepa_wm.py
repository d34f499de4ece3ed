"""Keys of the predictors of jepa-wms and V-JEPA 2-AC, which name their blocks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.published.ledger import KeyMap, Rule

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = r'predictor\.predictor_blocks\.(\d+)'
CORE = r'predictor.core.blocks.\1'


def pointwise(weight: Tensor) -> Tensor:
    """Return a convolution of one tap, `(out, in, 1)`, as the linear layer that it is."""
    return weight.squeeze(-1)


EMBEDDINGS = (
    Rule(
        r'(action|proprio)_encoder\.patch_embed\.weight',
        r'predictor.conditioning.\1.weight',
        transform=pointwise,
    ),
    Rule(r'(action|proprio)_encoder\.patch_embed\.bias', r'predictor.conditioning.\1.bias'),
)
"""Encoders of actions and states that stand beside the predictor in the checkpoint."""

KEYS = KeyMap(
    [
        (r'predictor\.predictor_embed\.(weight|bias)', r'predictor.inward.\1'),
        (r'predictor\.action_encoder\.(weight|bias)', r'predictor.conditioning.action.\1'),
        (
            r'predictor\.(?:proprio|state)_encoder\.(weight|bias)',
            r'predictor.conditioning.proprio.\1',
        ),
        *EMBEDDINGS,
        (BLOCK + r'\.norm1\.(weight|bias)', CORE + r'.attention_norm.\2'),
        (BLOCK + r'\.attn\.qkv\.(weight|bias)', CORE + r'.attention.qkv.\2'),
        (BLOCK + r'\.attn\.proj\.(weight|bias)', CORE + r'.attention.out.\2'),
        (BLOCK + r'\.norm2\.(weight|bias)', CORE + r'.mlp_norm.\2'),
        (BLOCK + r'\.mlp\.fc1\.(weight|bias)', CORE + r'.mlp.inward.\2'),
        (BLOCK + r'\.mlp\.fc2\.(weight|bias)', CORE + r'.mlp.outward.\2'),
        (BLOCK + r'\.adaLN_modulation\.1\.(weight|bias)', CORE + r'.modulation.\2'),
        (r'predictor\.predictor_norm\.(weight|bias)', r'predictor.core.norm.\1'),
        (r'predictor\.predictor_proj\.(weight|bias)', r'predictor.outward.\1'),
    ],
    ignored=[
        (r'predictor\.extrinsics_encoder\..*', 'embeds camera poses, which no release uses'),
    ],
)
