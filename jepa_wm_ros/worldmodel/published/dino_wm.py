"""Keys of DINO-WM predictors: those of jepa-wms, and state dicts of the original's modules."""

from __future__ import annotations

from jepa_wm_ros.worldmodel.published.jepa_wm import EMBEDDINGS
from jepa_wm_ros.worldmodel.published.ledger import KeyMap

LAYER = r'predictor\.transformer\.layers\.(\d+)'
CORE = r'predictor.core.blocks.\1'

KEYS = KeyMap(
    [
        (r'predictor\.pos_embedding', 'predictor.core.positions'),
        (LAYER + r'\.0\.norm\.(weight|bias)', CORE + r'.attention_norm.\2'),
        (LAYER + r'\.0\.to_qkv\.(weight)', CORE + r'.attention.qkv.\2'),
        (LAYER + r'\.0\.to_out\.0\.(weight|bias)', CORE + r'.attention.out.\2'),
        (LAYER + r'\.1\.net\.0\.(weight|bias)', CORE + r'.mlp_norm.\2'),
        (LAYER + r'\.1\.net\.1\.(weight|bias)', CORE + r'.mlp.inward.\2'),
        (LAYER + r'\.1\.net\.4\.(weight|bias)', CORE + r'.mlp.outward.\2'),
        (r'predictor\.transformer\.norm\.(weight|bias)', r'predictor.core.norm.\1'),
        *EMBEDDINGS,
    ],
    ignored=[
        (LAYER + r'\.0\.bias', 'a mask of 0 and 1, which follows from the number of frames'),
    ],
)
