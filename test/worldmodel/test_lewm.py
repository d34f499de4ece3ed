"""The shipped family: shapes, the meaning of a rollout, and what an untrained model says."""

from __future__ import annotations

import pytest
import torch

from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.protocol import WorldModel


@pytest.fixture
def model(small_contract):
    torch.manual_seed(1)
    model = build(small_contract).eval().requires_grad_(False)
    # An untrained predictor predicts no change; give it something to say.
    torch.nn.init.normal_(model.predictor.outward[1].weight, std=0.3)
    torch.nn.init.normal_(model.predictor.modulation.weight, std=0.3)
    return model


def latent(batch: int = 1, frames: int = 1) -> Latent:
    generator = torch.Generator().manual_seed(5)
    return Latent(tokens=torch.randn(batch, frames, 1, 8, generator=generator))


def rollout(model, context: Latent, actions):
    past = torch.zeros(len(context.tokens), context.tokens.shape[1] - 1, 7)
    return model.rollout(context, past, actions).tokens


def test_it_is_a_world_model(model) -> None:
    assert isinstance(model, WorldModel)


def test_shapes(model) -> None:
    tokens = model.encode(torch.randn(2, 3, 3, 16, 16)).tokens
    assert tokens.shape == (2, 3, 1, 8)
    assert rollout(model, latent(2), torch.randn(2, 5, 4, 7)).shape == (2, 5, 4, 1, 8)


def test_an_untrained_predictor_says_that_nothing_changes(small_contract) -> None:
    model = build(small_contract).eval()
    context = latent()
    predicted = rollout(model, context, torch.randn(1, 3, 4, 7))
    assert torch.allclose(predicted, context.tokens[:, :, None].expand_as(predicted))


def test_a_rollout_equals_its_single_steps(model) -> None:
    actions = torch.randn(1, 1, 4, 7) * 0.05
    together = rollout(model, latent(), actions)[0, 0]
    context = latent()
    for h in range(4):
        context = Latent(tokens=rollout(model, context, actions[:, :, h : h + 1])[:, 0])
        assert torch.allclose(together[h], context.tokens[0, 0], atol=1e-6)


def test_a_later_action_does_not_change_an_earlier_prediction(model) -> None:
    actions = torch.randn(1, 1, 4, 7) * 0.05
    changed = actions.clone()
    changed[..., 2, :] += 0.05
    before, after = rollout(model, latent(), actions), rollout(model, latent(), changed)
    assert torch.equal(before[:, :, :2], after[:, :, :2])
    assert not torch.allclose(before[:, :, 2:], after[:, :, 2:])


def test_candidates_and_problems_do_not_mix(model) -> None:
    actions = torch.randn(2, 3, 4, 7) * 0.05
    context = latent(2)
    together = rollout(model, context, actions)
    alone = rollout(model, Latent(tokens=context.tokens[1:]), actions[1:, 2:])
    assert torch.allclose(together[1:, 2:], alone, atol=1e-6)
