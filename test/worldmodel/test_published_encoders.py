"""Published encoders are read in every spelling, with an account of every key."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from jepa_wm_ros.worldmodel.encoders import build_encoder
from jepa_wm_ros.worldmodel.encoders.rotary import axial_periods
from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
from jepa_wm_ros.worldmodel.published.encoders import convert_encoder
from jepa_wm_ros.worldmodel.published.ledger import CheckpointError

PLAIN = EncoderSettings(dim=8, depth=2, heads=2, patch=2, mlp=16, grid=(1, 3, 3))
DINOV2 = dataclasses.replace(PLAIN, layer_scale=True, registers=2)
GIANT = dataclasses.replace(DINOV2, feed_forward='swiglu')
DINOV3 = dataclasses.replace(DINOV2, positions='axial_rope')
VJEPA2 = dataclasses.replace(PLAIN, positions='tiled_rope', class_token=False, tubelet=2)

# Ours -> theirs, with {i} for the block. None: joined by hand from three thirds.
OFFICIAL = {
    'vit.patch_embed': 'patch_embed.proj',
    'vit.cls_token': 'cls_token',
    'vit.registers': 'register_tokens',
    'vit.positions.table': 'pos_embed',
    'vit.rope.periods': 'rope_embed.periods',
    'vit.norm': 'norm',
    'norm1': 'blocks.{i}.norm1',
    'norm2': 'blocks.{i}.norm2',
    'attn.qkv': 'blocks.{i}.attn.qkv',
    'attn.proj': 'blocks.{i}.attn.proj',
    'mlp.fc1': 'blocks.{i}.mlp.fc1',
    'mlp.fc2': 'blocks.{i}.mlp.fc2',
    'mlp.gate': 'blocks.{i}.mlp.w12',
    'mlp.out': 'blocks.{i}.mlp.w3',
    'scale1': 'blocks.{i}.ls1.gamma',
    'scale2': 'blocks.{i}.ls2.gamma',
}
TRANSFORMERS_DINOV2 = {
    'vit.patch_embed': 'embeddings.patch_embeddings.projection',
    'vit.cls_token': 'embeddings.cls_token',
    'vit.registers': 'embeddings.register_tokens',
    'vit.positions.table': 'embeddings.position_embeddings',
    'vit.norm': 'layernorm',
    'norm1': 'encoder.layer.{i}.norm1',
    'norm2': 'encoder.layer.{i}.norm2',
    'attn.qkv': 'encoder.layer.{i}.attention.attention.query key value',
    'attn.proj': 'encoder.layer.{i}.attention.output.dense',
    'mlp.fc1': 'encoder.layer.{i}.mlp.fc1',
    'mlp.fc2': 'encoder.layer.{i}.mlp.fc2',
    'mlp.gate': 'encoder.layer.{i}.mlp.weights_in',
    'mlp.out': 'encoder.layer.{i}.mlp.weights_out',
    'scale1': 'encoder.layer.{i}.layer_scale1.lambda1',
    'scale2': 'encoder.layer.{i}.layer_scale2.lambda1',
}
TRANSFORMERS_VIT = {
    **TRANSFORMERS_DINOV2,
    'norm1': 'encoder.layer.{i}.layernorm_before',
    'norm2': 'encoder.layer.{i}.layernorm_after',
    'mlp.fc1': 'encoder.layer.{i}.intermediate.dense',
    'mlp.fc2': 'encoder.layer.{i}.output.dense',
}
TRANSFORMERS_5_VIT = {
    **TRANSFORMERS_DINOV2,
    'norm1': 'layers.{i}.layernorm_before',
    'norm2': 'layers.{i}.layernorm_after',
    'attn.qkv': 'layers.{i}.attention.q_proj k_proj v_proj',
    'attn.proj': 'layers.{i}.attention.o_proj',
    'mlp.fc1': 'layers.{i}.mlp.fc1',
    'mlp.fc2': 'layers.{i}.mlp.fc2',
}
TRANSFORMERS_5_GATED = {
    **TRANSFORMERS_DINOV2,
    'mlp.gate': 'encoder.layer.{i}.mlp.gate_proj up_proj',
    'mlp.out': 'encoder.layer.{i}.mlp.down_proj',
}
TRANSFORMERS_DINOV3 = {
    'vit.patch_embed': 'embeddings.patch_embeddings',
    'vit.cls_token': 'embeddings.cls_token',
    'vit.registers': 'embeddings.register_tokens',
    'vit.norm': 'norm',
    'norm1': 'layer.{i}.norm1',
    'norm2': 'layer.{i}.norm2',
    'attn.qkv': 'layer.{i}.attention.q_proj k_proj v_proj',
    'attn.proj': 'layer.{i}.attention.o_proj',
    'mlp.fc1': 'layer.{i}.mlp.up_proj',
    'mlp.fc2': 'layer.{i}.mlp.down_proj',
    'scale1': 'layer.{i}.layer_scale1.lambda1',
    'scale2': 'layer.{i}.layer_scale2.lambda1',
}
TRANSFORMERS_5_DINOV3 = {
    ours: theirs.replace('layer.{i}', 'model.layer.{i}')
    for ours, theirs in TRANSFORMERS_DINOV3.items()
}
TRANSFORMERS_VJEPA2 = {
    'vit.patch_embed': 'encoder.embeddings.patch_embeddings.proj',
    'vit.norm': 'encoder.layernorm',
    'norm1': 'encoder.layer.{i}.norm1',
    'norm2': 'encoder.layer.{i}.norm2',
    'attn.qkv': 'encoder.layer.{i}.attention.query key value',
    'attn.proj': 'encoder.layer.{i}.attention.proj',
    'mlp.fc1': 'encoder.layer.{i}.mlp.fc1',
    'mlp.fc2': 'encoder.layer.{i}.mlp.fc2',
}
APART = {**OFFICIAL, 'mlp.gate': 'blocks.{i}.mlp.w1 w2', 'vit.registers': 'storage_tokens'}
STORAGE = {**OFFICIAL, 'vit.registers': 'storage_tokens'}
SPELLINGS = {
    'DINOv2': (DINOV2, OFFICIAL, {'mask_token': (1, 8)}),
    'DINOv2 giant': (GIANT, OFFICIAL, {}),
    'DINOv2 giant of transformers': (GIANT, TRANSFORMERS_DINOV2, {}),
    'DINOv2 giant of transformers 5': (GIANT, TRANSFORMERS_5_GATED, {}),
    'DINOv3 plus': (dataclasses.replace(DINOV3, feed_forward='swiglu'), APART, {}),
    'DINOv3': (DINOV3, STORAGE, {'mask_token': (1, 8)}),
    'V-JEPA 2': (VJEPA2, OFFICIAL, {'pos_embed': (1, 9, 8)}),
    'ViT': (PLAIN, TRANSFORMERS_VIT, {'pooler.dense.weight': (8, 8)}),
    'ViT of transformers 5': (PLAIN, TRANSFORMERS_5_VIT, {}),
    'DINOv2 of transformers': (DINOV2, TRANSFORMERS_DINOV2, {'embeddings.mask_token': (1, 8)}),
    'DINOv3 of transformers': (DINOV3, TRANSFORMERS_DINOV3, {'embeddings.mask_token': (1, 1, 8)}),
    'DINOv3 of transformers 5': (DINOV3, TRANSFORMERS_5_DINOV3, {}),
    'V-JEPA 2 of transformers': (VJEPA2, TRANSFORMERS_VJEPA2, {'predictor.proj.bias': (8,)}),
}


def random_state(settings: EncoderSettings) -> dict[str, torch.Tensor]:
    """Our keys with random weights (and untouched periods)."""
    torch.manual_seed(0)
    state = build_encoder(settings).state_dict()
    return {k: v if 'periods' in k else torch.randn_like(v) for k, v in state.items()}


def spelled(state: dict[str, torch.Tensor], names: dict[str, str]) -> dict[str, torch.Tensor]:
    """Write a state under published names."""
    published = {}
    for key, value in state.items():
        index, kind = '', ''
        name = key
        if name.startswith('vit.blocks.'):
            index, name = name.removeprefix('vit.blocks.').split('.', 1)
        if name.endswith(('.weight', '.bias')):
            name, kind = name.rsplit('.', 1)
            kind = f'.{kind}'
        if name not in names:
            continue
        first, *others = names[name].format(i=index).split()
        theirs = [first, *(f'{first.rsplit(".", 1)[0]}.{other}' for other in others)]
        for there, part in zip(theirs, value.chunk(len(theirs)), strict=True):
            published[there + kind] = part
    return published


@pytest.mark.parametrize('spelling', SPELLINGS)
@pytest.mark.parametrize('wrapper', ['', 'module.', 'module.backbone.'])
def test_every_spelling_leads_to_the_same_weights(spelling, wrapper):
    settings, names, extras = SPELLINGS[spelling]
    state = random_state(settings)
    published = spelled(state, names)
    published.update({key: torch.zeros(shape) for key, shape in extras.items()})
    converted = convert_encoder(
        {wrapper + key: value for key, value in published.items()}, settings, 'x.pth'
    )
    assert set(converted) == set(state)
    assert all(torch.equal(converted[key], state[key]) for key in state)


@pytest.mark.parametrize('spelling', SPELLINGS)
def test_every_key_is_needed_and_no_other_is_taken(spelling):
    settings, names, _ = SPELLINGS[spelling]
    published = spelled(random_state(settings), names)
    for key in published:
        short = {k: v for k, v in published.items() if k != key}
        with pytest.raises(CheckpointError, match='missing'):
            convert_encoder(short, settings, 'x.pth')
    with pytest.raises(CheckpointError, match=r'x\.pth .* unexpected: head\.weight'):
        convert_encoder({**published, 'head.weight': torch.zeros(2, 8)}, settings, 'x.pth')


def test_another_size_is_refused_by_name():
    published = spelled(random_state(DINOV2), OFFICIAL)
    wider = dataclasses.replace(DINOV2, mlp=24)
    with pytest.raises(CheckpointError, match=r'blocks\.0\.mlp\.fc1\.weight is \(16, 8\)'):
        convert_encoder(published, wider, 'x.pth')


def test_a_masked_bias_of_keys_has_no_effect():
    """DINOv3 stores a bias for keys and a mask that switches it off."""
    state = random_state(DINOV3)
    published = spelled(state, STORAGE)
    mask = torch.ones(24)
    mask[8:16] = 0
    for i in range(2):
        published[f'blocks.{i}.attn.qkv.bias_mask'] = mask
        published[f'blocks.{i}.attn.qkv.bias'][8:16] = float('nan')
    converted = convert_encoder(published, DINOV3, 'x.pth')
    for i in range(2):
        bias = converted[f'vit.blocks.{i}.attn.qkv.bias']
        assert torch.equal(bias[8:16], torch.zeros(8))
        assert torch.equal(bias[:8], state[f'vit.blocks.{i}.attn.qkv.bias'][:8])


def test_keys_without_bias_get_zeros():
    published = spelled(random_state(DINOV3), TRANSFORMERS_DINOV3)
    for i in range(2):
        del published[f'layer.{i}.attention.k_proj.bias']
    converted = convert_encoder(published, DINOV3, 'x.pth')
    assert torch.equal(converted['vit.blocks.1.attn.qkv.bias'][8:16], torch.zeros(8))


def test_stored_periods_are_taken_as_they_are():
    published = spelled(random_state(DINOV3), STORAGE)
    rounded = axial_periods(4).bfloat16().float() + 0.5
    published['rope_embed.periods'] = rounded
    assert torch.equal(convert_encoder(published, DINOV3, 'x')['vit.rope.periods'], rounded)
