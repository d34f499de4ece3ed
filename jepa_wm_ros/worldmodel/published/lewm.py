"""Keys of LeWorldModel's flat state dict, in both spellings that transformers has for its ViT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.encoders import read_encoder
from jepa_wm_ros.worldmodel.published.encoders import encoder_ignored, encoder_rules
from jepa_wm_ros.worldmodel.published.jepa_wm import pointwise
from jepa_wm_ros.worldmodel.published.ledger import KeyMap, Rule

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

LAYER = r'predictor\.transformer\.layers\.(\d+)'
BLOCK = r'predictor.core.blocks.\1'
ACTION = 'predictor.conditioning.action'
STATISTICS = r'weight|bias|running_mean|running_var|num_batches_tracked'

PREDICTOR = (
    Rule(r'predictor\.pos_embedding', 'predictor.core.positions'),
    Rule(r'predictor\.transformer\.norm\.(weight|bias)', r'predictor.core.norm.\1'),
    Rule(LAYER + r'\.attn\.norm\.(weight|bias)', BLOCK + r'.attention_inner_norm.\2'),
    Rule(LAYER + r'\.attn\.to_qkv\.weight', BLOCK + '.attention.qkv.weight'),
    Rule(LAYER + r'\.attn\.to_out\.0\.(weight|bias)', BLOCK + r'.attention.out.\2'),
    Rule(LAYER + r'\.mlp\.net\.0\.(weight|bias)', BLOCK + r'.mlp_inner_norm.\2'),
    Rule(LAYER + r'\.mlp\.net\.1\.(weight|bias)', BLOCK + r'.mlp.inward.\2'),
    Rule(LAYER + r'\.mlp\.net\.4\.(weight|bias)', BLOCK + r'.mlp.outward.\2'),
    Rule(LAYER + r'\.adaLN_modulation\.1\.(weight|bias)', BLOCK + r'.modulation.\2'),
)

# Present only where the predictor is wider or narrower than the embedding.
WIDTHS = (
    Rule(r'predictor\.(?:transformer\.)?input_proj\.(weight|bias)', r'predictor.core.inward.\1'),
    Rule(r'predictor\.(?:transformer\.)?cond_proj\.(weight|bias)', ACTION + r'.widen.\1'),
    Rule(
        r'predictor\.(?:transformer\.)?output_proj\.(weight|bias)',
        r'predictor.outward.narrow.\1',
    ),
)

ACTIONS = (
    Rule(r'action_encoder\.patch_embed\.weight', ACTION + '.smooth.weight', transform=pointwise),
    Rule(r'action_encoder\.patch_embed\.bias', ACTION + '.smooth.bias'),
    Rule(r'action_encoder\.embed\.0\.(weight|bias)', ACTION + r'.inward.\1'),
    Rule(r'action_encoder\.embed\.2\.(weight|bias)', ACTION + r'.outward.\1'),
)

PROJECTORS = tuple(
    Rule(rf'{theirs}\.net\.{index}\.({names})', rf'{ours}.{name}.\1')
    for theirs, ours in (('projector', 'projector'), ('pred_proj', 'predictor.outward.projector'))
    for index, name, names in (
        (0, 'inward', 'weight|bias'),
        (1, 'norm', STATISTICS),
        (3, 'outward', 'weight|bias'),
    )
)


def key_map(contract: Contract) -> KeyMap:
    """Return the map of a contract's model.

    Raises:
        SchemaError: The contract's encoder is wrong.
    """
    encoder = contract.architecture.get('encoder', {'name': 'lewm_vit_tiny'})
    return keys_with(read_encoder(encoder, contract.name))


def keys_with(encoder: EncoderSettings) -> KeyMap:
    """Return the map of a model with this encoder."""
    return KeyMap(
        [
            *PREDICTOR,
            *WIDTHS,
            *ACTIONS,
            *PROJECTORS,
            *encoder_rules(encoder, prefix=r'encoder\.', target='encoder.'),
        ],
        ignored=encoder_ignored(encoder, prefix=r'encoder\.'),
    )
