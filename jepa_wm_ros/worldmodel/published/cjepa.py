"""Keys of C-JEPA's world model, as state dict of the pickled module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.published.jepa_wm import pointwise
from jepa_wm_ros.worldmodel.published.ledger import KeyMap, Rule

if TYPE_CHECKING:
    from torch import Tensor

LAYER = r'(?:model\.)?predictor\.transformer\.layers\.(\d+)'
BLOCK = r'predictor.core.blocks.\1'


def flat(tensor: Tensor) -> Tensor:
    """Return `(1, 1, D)` as `(D,)`."""
    return tensor.flatten()


def rows(tensor: Tensor) -> Tensor:
    """Return `(1, T, 1, D)` as `(T, D)`."""
    return tensor.flatten(0, 2)


KEYS = KeyMap(
    [
        Rule(r'(?:model\.)?predictor\.mask_token', 'predictor.mask_token', transform=flat),
        Rule(r'(?:model\.)?predictor\.time_pos_embed', 'predictor.time_positions', transform=rows),
        (r'(?:model\.)?predictor\.id_projector\.(weight|bias)', r'predictor.identity.\1'),
        (LAYER + r'\.0\.in_proj_(weight|bias)', BLOCK + r'.attention.qkv.\2'),
        (LAYER + r'\.0\.out_proj\.(weight|bias)', BLOCK + r'.attention.out.\2'),
        (LAYER + r'\.1\.0\.(weight|bias)', BLOCK + r'.mlp_norm.\2'),
        (LAYER + r'\.1\.1\.(weight|bias)', BLOCK + r'.mlp.inward.\2'),
        (LAYER + r'\.1\.4\.(weight|bias)', BLOCK + r'.mlp.outward.\2'),
        (r'(?:model\.)?predictor\.transformer\.norm\.(weight|bias)', r'predictor.core.norm.\1'),
        (r'(?:model\.)?predictor\.to_out\.(weight|bias)', r'predictor.outward.\1'),
        Rule(
            r'(?:model\.)?(action|proprio)_encoder\.patch_embed\.weight',
            r'\1.weight',
            transform=pointwise,
        ),
        (r'(?:model\.)?(action|proprio)_encoder\.patch_embed\.bias', r'\1.bias'),
    ],
    ignored=[
        (
            r'(?:model\.)?(?:encoder|slot_attention|initializer)\..*',
            'finds slots in pictures, for which a bundle has a slot provider of its own',
        ),
    ],
)
