r"""Keys of published encoders, in the spelling of their makers and in that of Hugging Face.

One map reads all of them, because the spellings do not collide:

| spelling | blocks | queries, keys, values |
|---|---|---|
| DINOv2, DINOv3, V-JEPA, V-JEPA 2 | `blocks.0.` | `attn.qkv` |
| transformers: ViT (4.x), DINOv2 | `encoder.layer.0.` | `attention.attention.query`, … |
| transformers: ViT (5.x) | `layers.0.` | `attention.q_proj`, … |
| transformers: DINOv3 (4.x, 5.x) | `layer.0.`, `model.layer.0.` | `attention.q_proj`, … |
| transformers: V-JEPA 2 | `encoder.layer.0.` | `attention.query`, … |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.published.ledger import KeyMap, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

BLOCK = r'(?:blocks|encoder\.layer|model\.layer|layers?)\.(\d+)'

IN_BLOCK = (
    (r'norm1|layernorm_before', 'norm1'),
    (r'norm2|layernorm_after', 'norm2'),
    (r'attn\.qkv', 'attn.qkv'),
    (r'attn\.proj|attention\.proj|attention\.o_proj|attention\.output\.dense', 'attn.proj'),
    (r'mlp\.fc1|mlp\.up_proj|intermediate\.dense', 'mlp.fc1'),
    (r'mlp\.fc2|mlp\.down_proj|output\.dense', 'mlp.fc2'),
    (r'mlp\.w12|mlp\.weights_in', 'mlp.gate'),
    (r'mlp\.w3|mlp\.weights_out', 'mlp.out'),
)
"""Modules with a weight and a bias inside a block: theirs, ours."""

OUTSIDE = (
    (
        r'patch_embed\.proj|embeddings\.patch_embeddings(?:\.projection)?'
        r'|encoder\.embeddings\.patch_embeddings\.proj',
        'patch_embed',
    ),
    (r'norm|layernorm|encoder\.layernorm', 'norm'),
)
"""Modules with a weight and a bias outside the blocks."""

TOKENS = (
    (r'cls_token|embeddings\.cls_token', 'cls_token'),
    (r'(?:register|storage)_tokens|embeddings\.register_tokens', 'registers'),
    (r'rope_embed\.periods', 'rope.periods'),
)
"""Tensors that stand alone."""

POSITIONS = r'pos_embed|embeddings\.position_embeddings'

IGNORED = (
    (r'mask_token|embeddings\.mask_token', 'stands for hidden patches in pre-training'),
    (r'pooler\..*', 'summary for classification'),
    (r'predictor\..*', 'predictor of the pre-training'),
)


def encoder_map(settings: EncoderSettings, prefix: str = '', target: str = '') -> KeyMap:
    r"""Return the map from published keys to those of a `FrameEncoder`.

    Args:
        settings: The encoder; whether it has a table of positions decides if theirs is needed.
        prefix: Regular expression (no groups) before their keys, such as `encoder\.`.
        target: What stands before our keys.
    """
    return KeyMap(encoder_rules(settings, prefix, target), encoder_ignored(settings, prefix))


def encoder_rules(settings: EncoderSettings, prefix: str = '', target: str = '') -> list[Rule]:
    """Return the rules of `encoder_map`, for models that have more than an encoder."""
    ours = f'{target}vit.'
    rules = _gated(prefix, ours) if settings.feed_forward == 'swiglu' else []
    rules += [
        Rule(rf'{prefix}{BLOCK}\.(?:{theirs})\.(weight|bias)', rf'{ours}blocks.\1.{name}.\2')
        for theirs, name in IN_BLOCK
    ]
    rules += [
        Rule(
            rf'{prefix}{BLOCK}\.attention\.(?:attention\.)?(?:{letter}_proj|{word})\.(weight|bias)',
            rf'{ours}blocks.\1.attn.qkv.\2',
            part=(i, 3),
        )
        for i, (letter, word) in enumerate(zip('qkv', ('query', 'key', 'value'), strict=True))
    ]
    rules += [
        Rule(
            rf'{prefix}{BLOCK}\.(?:ls{i}\.gamma|layer_scale{i}\.lambda1)',
            rf'{ours}blocks.\1.scale{i}',
        )
        for i in (1, 2)
    ]
    rules += [
        Rule(rf'{prefix}(?:{theirs})\.(weight|bias)', rf'{ours}{name}.\1')
        for theirs, name in OUTSIDE
    ]
    rules += [Rule(rf'{prefix}(?:{theirs})', f'{ours}{name}') for theirs, name in TOKENS]
    if settings.positions == 'learned':
        rules.append(Rule(rf'{prefix}(?:{POSITIONS})', f'{ours}positions.table'))
    return rules


def _gated(prefix: str, ours: str) -> list[Rule]:
    """Gates and values that are stored apart; `up_proj` means another thing without a gate."""
    rules = [
        Rule(
            rf'{prefix}{BLOCK}\.mlp\.(?:{theirs})\.(weight|bias)',
            rf'{ours}blocks.\1.mlp.gate.\2',
            part=(i, 2),
        )
        for i, theirs in enumerate(('w1|gate_proj', 'w2|up_proj'))
    ]
    out = rf'{prefix}{BLOCK}\.mlp\.down_proj\.(weight|bias)'
    return [*rules, Rule(out, rf'{ours}blocks.\1.mlp.out.\2')]


def encoder_ignored(settings: EncoderSettings, prefix: str = '') -> list[tuple[str, str]]:
    """Return what `encoder_map` leaves out, as (pattern, reason)."""
    ignored = list(IGNORED)
    if settings.positions != 'learned':
        ignored.append((POSITIONS, 'the positions of this encoder are rotations'))
    return [(rf'{prefix}(?:{pattern})', reason) for pattern, reason in ignored]


def complete(state: Mapping[str, Tensor], settings: EncoderSettings) -> dict[str, Tensor]:
    """Settle what no renaming can: biases that a mask switches off, and ones that are left out.

    DINOv3 stores `qkv.bias_mask`, which is zero for keys; the bias is multiplied with it here.
    In the spelling of transformers the keys of DINOv3 have no bias, and the periods of the
    rotation are not stored: zeros and the formula stand in.

    Args:
        state: Published keys and tensors of an encoder.
        settings: The encoder.

    Returns:
        The same without masks, and with what was missing.
    """
    import torch

    from jepa_wm_ros.worldmodel.encoders.rotary import axial_periods

    whole = dict(state)
    for key in [key for key in state if key.endswith('.qkv.bias_mask')]:
        name, mask = key.removesuffix('_mask'), whole.pop(key)
        whole[name] = torch.where(mask == 0, torch.zeros(()), state[name] * mask)
    spelled = any(key.endswith('embeddings.patch_embeddings.weight') for key in state)
    if settings.positions == 'axial_rope' and spelled:
        whole['rope_embed.periods'] = axial_periods(settings.head_dim)
        if not any(key.endswith('.k_proj.bias') for key in state):
            for key in [key for key in state if key.endswith('.q_proj.bias')]:
                whole[key.replace('.q_proj.', '.k_proj.')] = torch.zeros_like(state[key])
    return whole


def convert_encoder(
    state: Mapping[str, Tensor], settings: EncoderSettings, source: str
) -> dict[str, Tensor]:
    """Return a published encoder's weights as the state of a `FrameEncoder`.

    Args:
        state: Published keys and tensors, in any of the known spellings.
        settings: What the encoder is said to be.
        source: The file, for the messages.

    Raises:
        CheckpointError: Keys are missing, unexpected or of a wrong shape; all are listed.
    """
    import torch

    from jepa_wm_ros.worldmodel.encoders.frames import FrameEncoder

    with torch.device('meta'):
        wanted = {key: value.shape for key, value in FrameEncoder(settings).state_dict().items()}
    return encoder_map(settings).convert(complete(state, settings), wanted, source)
