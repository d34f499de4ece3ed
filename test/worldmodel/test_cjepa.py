"""Causal-JEPA: hidden entities, anchors of identity, and slots that keep their order."""

import pytest
import torch
from token_rig import SLOTS, STATE, contract_of, model_of, random

from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.families.inputs import RolloutError
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.slots import hidden_future, hidden_slots
from jepa_wm_ros.worldmodel.predictors.transformer import WindowError
from jepa_wm_ros.worldmodel.protocol import WorldModel
from jepa_wm_ros.worldmodel.schema import SchemaError
from jepa_wm_ros.worldmodel.slot_providers import SlotProvider, SlotsError


@pytest.fixture(params=['with state', 'without state'])
def model(request):
    changes = {'proprio': STATE} if request.param == 'with state' else {}
    return model_of('cjepa', SLOTS, **changes)


def context_of(model, frames: int, batch: int = 1) -> Latent:
    return model.encode_given(random(batch, frames, 4, 12, seed=frames), random(batch, frames, 3))


def test_it_is_a_world_model_of_slots(model):
    assert isinstance(model, WorldModel)
    future = model.rollout(context_of(model, 2, 2), random(2, 1, 6), random(2, 5, 3, 6))
    assert future.tokens.shape == (2, 5, 3, 4, 12)
    assert (future.proprio is None) == (model.proprio is None)
    if future.proprio is not None:
        assert future.proprio.shape == (2, 5, 3, 12)


def test_what_is_hidden_does_not_leak(model):
    predictor, entities = model.predictor, 5 + (model.proprio is not None)
    frames, hidden = random(1, 3, entities, 12), hidden_slots(torch.tensor([2]), 4, entities)
    hidden = hidden | hidden_future(3, 1, entities)
    other = frames.clone()
    other[:, 1:, 2] += 5.0
    torch.testing.assert_close(predictor(frames, hidden), predictor(other, hidden))
    other[:, 0, 2] += 5.0  # the first frame is the anchor, and never hidden
    assert not torch.allclose(predictor(frames, hidden), predictor(other, hidden))


def test_a_stand_in_is_mask_position_and_identity(model):
    predictor, entities = model.predictor, 5 + (model.proprio is not None)
    frames = random(1, 2, entities, 12)
    tokens = predictor.compose(frames, hidden_future(2, 1, entities))
    positions = predictor.time_positions[-3:]
    torch.testing.assert_close(tokens[:, 1], frames[:, 1] + positions[1])
    expected = predictor.mask_token + positions[2] + predictor.identity(frames[:, 0])
    torch.testing.assert_close(tokens[:, 2], expected)


def test_a_permutation_of_the_slots_permutes_the_prediction(model):
    context, actions = context_of(model, 2), random(1, 3, 3, 6)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = Latent(context.tokens[:, :, order], context.proprio)
    straight = model.rollout(context, random(1, 1, 6), actions)
    permuted = model.rollout(shuffled, random(1, 1, 6), actions)
    torch.testing.assert_close(straight.tokens[..., order, :], permuted.tokens)


def test_slots_that_jump_to_other_places_are_put_back_in_order(model):
    context = context_of(model, 3)
    jumped = context.tokens.clone()
    jumped[:, 2] = jumped[:, 1, [1, 0, 3, 2]] + 0.01
    future = model.unroll(Latent(jumped, context.proprio), random(1, 2, 6), random(1, 1, 2, 6))
    before = jumped[:, 2]
    for h in range(2):
        slots = future[:, 0, h, :4]
        distance = torch.cdist(before, slots).square()[0]
        straight = distance.diagonal().sum()
        for other in ([1, 0, 2, 3], [0, 1, 3, 2], [3, 1, 2, 0], [1, 2, 3, 0]):
            assert straight <= distance[torch.arange(4), torch.tensor(other)].sum() + 1e-9
        before = slots


def test_candidates_and_problems_are_independent(model):
    context, past, actions = context_of(model, 2, 3), random(3, 1, 6), random(3, 4, 3, 6, seed=2)
    together = model.rollout(context, past, actions).tokens
    alone = model.rollout(context.map(lambda x: x[1:2]), past[1:2], actions[1:2, 2:3]).tokens
    torch.testing.assert_close(together[1:2, 2:3], alone)


def test_a_rollout_equals_its_single_steps(model):
    actions, past = random(1, 1, 5, 6), random(1, 1, 6, seed=9)
    context = context_of(model, 2)
    together = model.rollout(context, past, actions)
    for h in range(5):
        following = model.rollout(context, past, actions[:, :, h : h + 1]).map(lambda x: x[:, 0])
        torch.testing.assert_close(together.tokens[0, 0, h], following.tokens[0, 0])
        tokens = torch.cat([context.tokens, following.tokens], 1)[:, -3:]
        proprio = None
        if context.proprio is not None:
            proprio = torch.cat([context.proprio, following.proprio], 1)[:, -3:]
        context = Latent(tokens, proprio)
        past = torch.cat([past, actions[:, 0, h : h + 1]], 1)[:, -2:]


def test_pictures_need_a_slot_provider(model):
    with pytest.raises(SlotsError, match='encode_given'):
        model.encode(random(1, 1, 3, 16, 16))
    assert isinstance(model.encoder, SlotProvider)
    with pytest.raises(SlotsError, match=r'expected slots \(B, T, 4, 12\)'):
        model.encode_given(random(1, 1, 5, 12))


def test_a_window_longer_than_the_positions_is_refused(model):
    with pytest.raises(WindowError, match='5 frames'):
        model.predictor.predict(random(1, 4, 5, 12))


def test_a_missing_state_is_refused():
    model = model_of('cjepa', SLOTS, proprio=STATE)
    with pytest.raises(RolloutError, match='proprio'):
        model.rollout(Latent(random(1, 1, 4, 12)), random(1, 0, 6), random(1, 2, 2, 6))


def test_a_width_that_does_not_divide_is_refused():
    with pytest.raises(SchemaError, match='multiple of heads 5'):
        build(contract_of('cjepa', {**SLOTS, 'predictor': {'heads': 5}}))
