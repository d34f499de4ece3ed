"""Cases of other sizes, against the published formulas written out once more, step by step."""

from __future__ import annotations

import pytest
import torch
from other_sizes import cjepa_case, lewm_case
from torch import nn
from torch.nn.functional import gelu, layer_norm, linear, silu, softmax

from jepa_wm_ros.training.parity import cjepa as cjepa_training
from jepa_wm_ros.training.parity import lewm as lewm_training
from jepa_wm_ros.worldmodel.parity import cjepa as parity_cjepa
from jepa_wm_ros.worldmodel.parity import lewm as parity_lewm


@pytest.fixture(autouse=True)
def double_precision():
    """Let only mistakes differ: networks of random weights amplify rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def normed(w, name, x):
    return layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'], 1e-5)


def projected(w, name, x):
    return linear(x, w[f'{name}.weight'], w.get(f'{name}.bias'))


def lewm_predictor(case, embeddings, actions):
    """LeWorldModel's predictor, one frame and one head after the other."""
    w, c = case.weights, case.config
    name = 'predictor.transformer'
    x = embeddings + w['predictor.pos_embedding'][:, : embeddings.shape[1]]
    if c['pred_hidden'] != c['embed_dim']:
        x = projected(w, f'{name}.input_proj', x)
        actions = projected(w, f'{name}.cond_proj', actions)
    for i in range(c['pred_depth']):
        layer = f'{name}.layers.{i}'
        parts = projected(w, f'{layer}.adaLN_modulation.1', silu(actions)).chunk(6, -1)
        plain = layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + parts[1]) + parts[0]
        qkv = projected(w, f'{layer}.attn.to_qkv', normed(w, f'{layer}.attn.norm', plain))
        attended = []
        for q, k, v in zip(*(p.split(c['dim_head'], -1) for p in qkv.chunk(3, -1)), strict=True):
            rows = []
            for t in range(x.shape[1]):
                scores = (q[:, t : t + 1] @ k[:, : t + 1].mT) / c['dim_head'] ** 0.5
                rows.append(softmax(scores, -1) @ v[:, : t + 1])
            attended.append(torch.cat(rows, 1))
        x = x + parts[2] * projected(w, f'{layer}.attn.to_out.0', torch.cat(attended, -1))
        plain = layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + parts[4]) + parts[3]
        hidden = gelu(projected(w, f'{layer}.mlp.net.1', normed(w, f'{layer}.mlp.net.0', plain)))
        x = x + parts[5] * projected(w, f'{layer}.mlp.net.4', hidden)
    x = normed(w, f'{name}.norm', x)
    return projected(w, f'{name}.output_proj', x) if c['pred_hidden'] != c['embed_dim'] else x


@pytest.mark.parametrize(
    ('context', 'changes'), [(2, {}), (1, {'pred_hidden': 24}), (3, {'num_frames': 4})]
)
def test_lewm(context, changes):
    case = lewm_case(context, **changes)
    found = parity_lewm.run(case)
    for t in range(1, case.config['num_frames'] + 1):
        expected = lewm_predictor(case, found['emb'][:, :t], found['act_emb'][:, :t])
        torch.testing.assert_close(found[f'predictor_T{t}'], expected)
    assert found['predicted_emb'].shape == (1, 4, 6, 24)
    assert found['head_predicted_emb'].shape == (1, 4, context + 5, 24)
    torch.testing.assert_close(found['predicted_emb'][:, 0, 0], found['predicted_emb'][:, 1, 0])


def test_lewm_training_gives_a_gradient_to_every_published_parameter():
    case = lewm_case()
    found = lewm_training.run(case)
    names = [name for name in case.outputs if name.startswith('train_grad/')]
    assert all(found[name].shape == case.weights[name[11:]].shape for name in names)
    assert all(found[name].abs().max() > 0 for name in names if '.k_proj.bias' not in name)
    assert found['train_grad_norms'].shape == (len(names),)


def cjepa_forward(case, tokens):
    """C-JEPA's transformer with PyTorch's own attention."""
    w, c = case.weights, case.config
    x = tokens.flatten(1, 2)
    for i in range(c['depth']):
        layer = f'model.predictor.transformer.layers.{i}'
        attention = nn.MultiheadAttention(c['D'], c['heads'], batch_first=True)
        prefix = f'{layer}.0.'
        own = {k.removeprefix(prefix): v for k, v in w.items() if k.startswith(prefix)}
        attention.load_state_dict(own)
        x = x + attention(x, x, x, need_weights=False)[0]
        hidden = gelu(projected(w, f'{layer}.1.1', normed(w, f'{layer}.1.0', x)))
        x = x + projected(w, f'{layer}.1.4', hidden)
    x = normed(w, 'model.predictor.transformer.norm', x)
    return projected(w, 'model.predictor.to_out', x).unflatten(1, tokens.shape[1:3])


@pytest.mark.parametrize('changes', [{}, {'slots': 7, 'hist': 4, 'pred': 1, 'heads': 6}])
def test_cjepa(changes):
    case = cjepa_case(**changes)
    c, w = case.config, case.weights
    found = parity_cjepa.run(case)
    history = case.inputs['entity_history']
    positions = w['model.predictor.time_pos_embed']
    stand_in = w['model.predictor.mask_token'][:, None] + projected(
        w, 'model.predictor.id_projector', history[:, :1]
    )
    tokens = torch.cat([history, stand_in.expand(-1, c['pred'], -1, -1)], 1)
    for slot in found['mask_indices'].tolist():
        tokens[:, 1 : c['hist'], slot] = stand_in[:, 0, None, slot]
    tokens = tokens + positions
    torch.testing.assert_close(found['masked_input'], tokens)
    with torch.no_grad():
        torch.testing.assert_close(found['masked_forward'], cjepa_forward(case, tokens))
    assert len(found['mask_indices']) == c['masked']
    frames = c['n_obs'] + 4 - c['n_obs'] + 1
    assert found['plan_predicted_embedding'].shape == (1, 3, frames, c['slots'] + 2, c['D'])
    training = cjepa_training.run(case)
    for key in c['full_grads']:
        gradient = training[f'plain/grad/{key}']
        assert gradient.shape == w[f'model.{key}'].shape
        assert gradient.abs().max() > 0
