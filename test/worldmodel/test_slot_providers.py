"""Slots from pictures: competition for patches, order over time, and masks of a tracker."""

import pytest
import torch
from token_rig import SLOTS, STATE, contract_of, model_of, random

from jepa_wm_ros.worldmodel.encoders.slot_attention import SlotAttention
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.families.cjepa import aligned
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.schema import SchemaError
from jepa_wm_ros.worldmodel.slot_providers import SlotProvider, SlotsError, pooled

FEATURES = {'dim': 12, 'depth': 1, 'heads': 2, 'patch': 4, 'mlp': 16, 'grid': [1, 4, 4]}
ENCODER = {'kind': 'slot_attention', 'features': FEATURES, 'hidden': 20, 'heads': 3}


@pytest.fixture
def model():
    return model_of('cjepa', {**SLOTS, 'encoder': ENCODER}, proprio=STATE)


def test_pictures_become_slots_that_can_be_rolled_out(model):
    assert isinstance(model.encoder, SlotProvider)
    latent = model.encode(random(2, 3, 3, 16, 16), random(2, 3, 3))
    assert latent.tokens.shape == (2, 3, 4, 12)
    future = model.rollout(latent, random(2, 2, 6), random(2, 3, 2, 6))
    assert future.tokens.shape == (2, 3, 2, 4, 12)


def test_frames_and_problems_do_not_look_into_the_future_or_at_each_other(model):
    images = random(2, 3, 3, 16, 16)
    slots = model.encoder(images)
    torch.testing.assert_close(model.encoder(images[:, :2]), slots[:, :2])
    torch.testing.assert_close(model.encoder(images[1:]), slots[1:])


def test_a_frame_takes_over_the_slots_of_the_one_before(model):
    images = random(1, 2, 3, 16, 16)
    fresh = model.encoder(images[:, 1:])
    assert not torch.allclose(model.encoder(images)[:, 1:], fresh)


def test_patches_in_any_order_give_the_same_slots():
    torch.manual_seed(0)
    attention = SlotAttention(8).double()
    slots, features = random(1, 3, 8), random(1, 10, 8, seed=1)
    one = attention(slots, features, 3)
    torch.testing.assert_close(attention(slots, features[:, torch.randperm(10)], 3), one)
    torch.testing.assert_close(attention(slots[:, [2, 0, 1]], features, 3), one[:, [2, 0, 1]])


def test_slots_learn_to_part_two_kinds_of_patches():
    torch.manual_seed(0)
    attention = SlotAttention(6)
    start = torch.nn.Parameter(torch.randn(1, 2, 6))
    optimiser = torch.optim.Adam([*attention.parameters(), start], lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    errors, without_parting = [], []
    for _ in range(150):
        kinds = torch.randn(16, 2, 6, generator=generator)
        noise = 0.05 * torch.randn(16, 12, 6, generator=generator)
        features = kinds.repeat_interleave(6, 1) + noise
        slots = attention(start.expand(16, -1, -1), features, 3)
        loss = torch.cdist(slots, kinds).square().min(1).values.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.detach())
        without_parting.append((kinds - kinds.mean(1, keepdim=True)).square().sum(-1).mean())
    last = slice(-30, None)
    assert sum(errors[last]) < 0.8 * sum(without_parting[last])


def test_slots_in_another_order_roll_out_alike(model):
    slots, past, actions = random(1, 3, 4, 12), random(1, 2, 6), random(1, 2, 3, 6)
    slots[:, 1:] = slots[:, :1] + 0.1 * slots[:, 1:]
    state = model.encode_given(slots, random(1, 3, 3)).proprio
    jumbled = slots.clone()
    jumbled[:, 1] = slots[:, 1, [3, 2, 0, 1]]
    torch.testing.assert_close(aligned(jumbled), slots)
    one, two = (model.rollout(Latent(x, state), past, actions).tokens for x in (slots, jumbled))
    torch.testing.assert_close(one, two)


def test_masks_pool_the_features_that_they_cover():
    features = random(1, 1, 6, 5)
    masks = torch.zeros(1, 1, 3, 4, 6)
    masks[..., 0, :2, :2] = 1.0  # the first patch of 2 x 3 patches of 2 px
    masks[..., 1, 2:, :4] = 1.0  # the fourth and the fifth
    slots = pooled(features, masks)[0, 0]
    torch.testing.assert_close(slots[0], features[0, 0, 0])
    torch.testing.assert_close(slots[1], features[0, 0, 3:5].mean(0))
    assert slots[2].abs().max() == 0.0


def test_masks_that_do_not_divide_are_refused():
    with pytest.raises(SlotsError, match='5x6 px do not divide into 6'):
        pooled(random(1, 1, 6, 5), torch.zeros(1, 1, 3, 5, 6))


@pytest.mark.parametrize(
    ('encoder', 'message'),
    [
        ({'kind': 'magic'}, 'encoder.kind must be one of given, mask_pooling, slot_attention'),
        ({'kind': 'given', 'slots': 3}, 'takes no settings'),
        ({**ENCODER, 'heads': 5}, 'multiple of heads 5'),
        ({**ENCODER, 'rounds': 5}, 'unknown key architecture.encoder.rounds'),
        ({**ENCODER, 'features': {**FEATURES, 'tokens': 'cls'}}, 'a token for each patch'),
        ({'kind': 'mask_pooling', 'features': FEATURES}, r'slot_dim must be \d+: \d+ numbers of'),
    ],
)
def test_a_wrong_provider_is_an_error_that_names_the_key(encoder, message):
    with pytest.raises(SchemaError, match=message):
        build(contract_of('cjepa', {**SLOTS, 'encoder': encoder}))
