"""Causal-JEPA's loss: what is hidden, what is a constant, and slots in any order."""

import pytest
import torch
from token_rig import SLOTS, STATE, model_of, random

from jepa_wm_ros.training.masked_slots import (
    draw_hidden,
    draw_observed,
    masked_slot_loss,
    matched_error,
)


@pytest.fixture
def model():
    return model_of('cjepa', SLOTS, proprio=STATE).requires_grad_(True)


def terms(model, hidden=(1,), slots=None, **how):
    slots = random(2, 4, 4, 12) if slots is None else slots
    frames = slots.shape[1]
    clip = model.encode_given(slots, random(2, 4, 3, seed=1)[:, -frames:])
    actions = random(2, 4, 6, seed=2)[:, -frames:]
    return masked_slot_loss(model, clip, actions, torch.tensor(hidden).long(), **how)


def test_future_values_are_targets_and_never_inputs(model):
    slots = random(2, 4, 4, 12)
    other = slots.clone()
    other[:, 3] += 1.0
    one, two = (terms(model, slots=s) for s in (slots, other))
    torch.testing.assert_close(one.history, two.history)
    assert not torch.allclose(one.future, two.future)


def test_targets_are_constants(model):
    slots = random(2, 4, 4, 12).requires_grad_()
    (gradient,) = torch.autograd.grad(terms(model, slots=slots).total, slots)
    assert gradient[:, 3].abs().max() == 0.0
    assert gradient[:, :3].abs().max() > 0.0


def test_a_short_past_is_predicted_from_as_a_roll_out_does_it(model):
    """The loss of a clip with one observed frame is that of the first step of a roll-out."""
    slots = random(2, 2, 4, 12)
    found = terms(model, slots=slots, hidden=())
    context = model.encode_given(slots[:, :1], random(2, 4, 3, seed=1)[:, -2:-1])
    window = model.entities(context, random(2, 4, 6, seed=2)[:, -2:-1])
    predicted = model.predictor.predict(window)[:, 0, :4]
    wanted = (predicted - slots[:, 1]).square().mean()
    torch.testing.assert_close(found.future, wanted)


def test_how_much_of_the_past_is_shown_is_drawn():
    generator = torch.Generator().manual_seed(0)
    assert {draw_observed(1, 3, generator) for _ in range(100)} == {1, 2, 3}
    assert {draw_observed(2, 3, generator) for _ in range(100)} == {2, 3}
    assert draw_observed(None, 3) == 3


def test_embedders_learn_from_the_visible_tokens(model):
    terms(model).total.backward()
    assert model.action.weight.grad.abs().max() > 0
    assert model.proprio.weight.grad.abs().max() > 0


def test_nothing_hidden_has_no_error_in_the_past(model):
    assert float(terms(model, hidden=()).history.detach()) == 0.0


def test_matching_makes_the_order_of_slots_irrelevant():
    target = random(3, 2, 4, 12)
    shuffled = target[:, :, [3, 1, 0, 2]]
    assert float(matched_error(shuffled, target)) == 0.0
    assert float(matched_error(target + 0.5, target)) == pytest.approx(0.25 * 12)


def test_how_many_and_which_slots_are_hidden_is_drawn():
    generator = torch.Generator().manual_seed(0)
    draws = [draw_hidden(4, 2, generator).tolist() for _ in range(200)]
    assert {len(draw) for draw in draws} == {0, 1, 2}
    assert {slot for draw in draws for slot in draw} == {0, 1, 2, 3}
    assert all(len(set(draw)) == len(draw) for draw in draws)
