"""Published LeWorldModel and C-JEPA keys: both spellings, and no key unaccounted for."""

import json
from pathlib import Path

import pytest
import torch

from jepa_wm_ros.worldmodel.parity import read_case
from jepa_wm_ros.worldmodel.parity.cjepa import model_of as slot_model_of
from jepa_wm_ros.worldmodel.parity.lewm import model_of
from jepa_wm_ros.worldmodel.published.ledger import CheckpointError

CASES = Path(__file__).parents[1] / 'data' / 'parity'


def shapes(model):
    return {name: value.shape for name, value in model.state_dict().items()}


@pytest.fixture(scope='module')
def lewm():
    case = read_case(CASES / 'lewm')
    model, keys = model_of(case)
    return case.weights, keys, shapes(model)


def newer_spelling(weights):
    """Rename the ViT's keys as transformers 5 does, by the recorded table."""
    table = json.loads((CASES / 'lewm' / 'case.json').read_text())['transformers_v5_key_mapping']
    renamed = {}
    for key, value in weights.items():
        parts = key.split('.')
        name = key
        if parts[:3] == ['encoder', 'encoder', 'layer']:
            layer, module = parts[3], '.'.join(parts[4:-1])
            old = f'encoder.encoder.layer.N.{module}'
            name = table[old].replace('.N.', f'.{layer}.') + f'.{parts[-1]}'
        renamed[name] = value
    return renamed


def test_both_spellings_of_the_vit_give_the_same_weights(lewm):
    weights, keys, wanted = lewm
    renamed = newer_spelling(weights)
    assert set(renamed) != set(weights)
    older = keys.convert(weights, wanted, 'older')
    newer = keys.convert(renamed, wanted, 'newer')
    assert set(older) == set(newer) == set(wanted)
    assert all(torch.equal(older[name], newer[name]) for name in wanted)


@pytest.mark.parametrize(
    'key',
    [
        'predictor.pos_embedding',
        'pred_proj.net.1.running_var',
        'encoder.encoder.layer.1.attention.attention.key.bias',
    ],
)
def test_a_missing_key_is_named(lewm, key):
    weights, keys, wanted = lewm
    fewer = {name: value for name, value in weights.items() if name != key}
    with pytest.raises(CheckpointError, match='missing'):
        keys.convert(fewer, wanted, 'file')


def test_an_unknown_key_and_a_wrong_shape_are_named(lewm):
    weights, keys, wanted = lewm
    odd = {**weights, 'predictor.extra': torch.zeros(1)}
    odd['projector.net.0.weight'] = torch.zeros(3, 3)
    with pytest.raises(CheckpointError, match=r'predictor\.extra.*projector\.net\.0\.weight'):
        keys.convert(odd, wanted, 'file')


def test_the_slot_encoder_of_a_cjepa_file_is_left_out():
    case = read_case(CASES / 'cjepa')
    model, keys = slot_model_of(case)
    more = {**case.weights, 'model.slot_attention.project_q.weight': torch.zeros(2, 2)}
    converted = keys.convert(more, shapes(model), 'file')
    assert set(converted) == set(shapes(model))
    assert list(keys.account(more).ignored) == ['model.slot_attention.project_q.weight']
