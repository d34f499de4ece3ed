"""Ways of running a model: exact ones give the same numbers, fast ones nearly."""

import pytest
import torch
from predictor_rig import KINDS, actions, build, frames, hold
from torch import nn

from jepa_wm_ros.worldmodel.execution import run_as
from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
from jepa_wm_ros.worldmodel.predictors import attention
from jepa_wm_ros.worldmodel.predictors.attention import KeysValues
from jepa_wm_ros.worldmodel.predictors.packed import can_pack
from jepa_wm_ros.worldmodel.predictors.rollout import Rollout


class Model(nn.Module):
    """As much of a world model as is run."""

    def __init__(self, predictor):
        super().__init__()
        self.predictor = predictor


def predict(model, kind):
    context = frames(build(kind), 2, 2).map(torch.Tensor.float)
    past, candidates = actions(2, 1).float(), actions(2, 3, 4, seed=2).float()
    return Rollout(model.predictor, context, past, 3).predict(candidates, hold).latent


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('packed', [True, False])
def test_exact_ways_give_the_same_numbers(kind, packed):
    model = Model(build(kind).float())
    expected = predict(model, kind)
    found = predict(run_as(model, ExecutionSettings(packed=packed)), kind)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('packed', [True, False])
def test_bfloat16_is_near_and_really_used(kind, packed):
    model = Model(build(kind).float())
    expected = predict(model, kind)
    found = predict(run_as(model, ExecutionSettings(dtype='bf16', packed=packed)), kind)
    error = (found - expected).norm() / expected.norm()
    assert 1e-4 < error < 0.1
    assert found.dtype == torch.float32


def test_the_given_model_stays_as_it_is():
    model = Model(build('jepa_wm').float())
    before = predict(model, 'jepa_wm')
    run_as(model, ExecutionSettings(dtype='bf16'))
    assert torch.equal(predict(model, 'jepa_wm'), before)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_all_modulations_are_one_product():
    model = Model(build('jepa_wm').float())
    core = run_as(model, ExecutionSettings()).predictor.core
    condition = torch.randn(2, 3, core.settings.condition_dim)
    for found, expected in zip(
        core.modulate(condition), model.predictor.core.modulate(condition), strict=True
    ):
        torch.testing.assert_close(found, expected)
    assert core.merged(condition).shape[-1] == 6 * core.settings.dim * core.settings.depth


@pytest.mark.skipif(not can_pack(torch.device('cpu')), reason='a build without oneDNN')
def test_packing_replaces_all_large_products_of_blocks():
    model = Model(build('jepa_wm').float())
    blocks = run_as(model, ExecutionSettings()).predictor.core.blocks
    left = [
        name
        for name, module in blocks.named_modules()
        if isinstance(module, nn.Linear) and not name.endswith('modulation')
    ]
    assert left == []


def test_heads_filled_up_by_zeros_change_no_score(monkeypatch):
    queries, keys, values = torch.randn(3, 2, 4, 6, 25).unbind(0)
    mask = torch.rand(6, 6) > 0.3
    plain = attention._attention(queries, KeysValues(keys, values), mask)
    monkeypatch.setattr(attention, 'ALIGNED_DEVICES', ('cpu',))
    filled = attention._attention(queries, KeysValues(keys, values), mask)
    torch.testing.assert_close(filled, plain)
    assert filled.shape == plain.shape


@pytest.mark.parametrize('dtype', ['fp32', 'bf16'])
def test_actions_receive_gradients_through_packed_layers(dtype):
    model = Model(build('jepa_wm').float())
    context = frames(build('jepa_wm'), 1, 1).map(torch.Tensor.float)
    gradients = []
    for run in (model, run_as(model, ExecutionSettings(dtype=dtype))):
        candidates = actions(1, 2, 3).float().requires_grad_()
        rollout = Rollout(run.predictor, context, torch.zeros(1, 0, 7), 2)
        rollout.predict(candidates).latent.square().sum().backward()
        gradients.append(candidates.grad)
    exact, found = gradients
    assert exact.abs().max() > 0
    assert (found - exact).norm() / exact.norm() < (1e-4 if dtype == 'fp32' else 0.1)
