"""Bundles of the small families come back from disk as they were written."""

import pytest
import torch
from token_rig import OFFICIAL, SLOTS, STATE, contract_of

from jepa_wm_ros.worldmodel.bundle import load_bundle, save_bundle
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.latent import Latent

IMPALA = {'image_size': 16, 'channels': [4, 6], 'embed_dim': 16}
CONTRACTS = {
    'lewm': contract_of('lewm', OFFICIAL),
    'pldm': contract_of('pldm', OFFICIAL),
    'pldm_recurrent': contract_of('pldm', {'layout': 'recurrent', 'impala': IMPALA}),
    'cjepa': contract_of('cjepa', SLOTS, proprio=STATE),
}


@pytest.mark.parametrize('name', CONTRACTS)
def test_a_bundle_predicts_what_its_model_predicted(name, tmp_path):
    contract = CONTRACTS[name]
    model = build(contract).eval()
    save_bundle(tmp_path, model, contract)
    loaded = load_bundle(tmp_path)
    if name == 'cjepa':
        context = model.encode_given(torch.randn(1, 2, 4, 12), torch.randn(1, 2, 3))
    else:
        images = torch.randn(1, 2, 3, 16, 16)
        context = model.encode(images)
        torch.testing.assert_close(loaded.encode(images).tokens, context.tokens)
    context = context.map(torch.Tensor.detach)
    past, actions = torch.randn(1, 1, 6), torch.randn(1, 3, 2, 6)
    with torch.no_grad():
        expected = model.rollout(context, past, actions)
    found: Latent = loaded.rollout(context, past, actions)
    torch.testing.assert_close(found.tokens, expected.tokens)
    assert not found.tokens.requires_grad
