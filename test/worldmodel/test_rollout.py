"""A rollout that shares what candidates share gives the numbers of one that repeats everything."""

import pytest
import torch
from predictor_rig import KINDS, actions, build, frames, hold

from jepa_wm_ros.worldmodel.predictors import attention
from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames
from jepa_wm_ros.worldmodel.predictors.rollout import Rollout, candidates_within
from jepa_wm_ros.worldmodel.predictors.transformer import WindowError

CLOSE = {'rtol': 1e-9, 'atol': 1e-9}


def naive(predictor, context, past, candidates, window):
    """Predict each candidate by itself, step by step, from whole windows."""
    problems = []
    for b in range(candidates.shape[0]):
        for s in range(candidates.shape[1]):
            seen = context.map(lambda part, b=b: part[b : b + 1])
            known = torch.cat([past[b : b + 1], candidates[b : b + 1, s]], 1)
            observed = seen.latent.shape[1]
            for h in range(candidates.shape[2]):
                end = observed + h
                start = max(0, end - window)
                recent = seen.map(lambda part, start=start: part[:, start:])
                predicted = predictor(recent, known[:, start:end]).map(lambda part: part[:, -1:])
                newest = seen.map(lambda part: part[:, -1:])
                following = hold(newest, predicted, h)
                seen = Frames(
                    torch.cat([seen.latent, following.latent], 1),
                    None
                    if seen.proprio is None
                    else torch.cat([seen.proprio, following.proprio], 1),
                )
            problems.append(seen.latent[:, observed:])
    return torch.cat(problems)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(('observed', 'window'), [(1, 2), (3, 3), (2, 5), (3, 1), (4, 3)])
def test_rollout_equals_prediction_step_by_step(kind, observed, window):
    predictor = build(kind)
    context = frames(predictor, 2, observed)
    past, candidates = actions(2, observed - 1), actions(2, 3, 4, seed=2)
    found = Rollout(predictor, context, past, window).predict(candidates, hold)
    expected = naive(predictor, context, past, candidates, window)
    torch.testing.assert_close(found.latent, expected, **CLOSE)


def test_no_window_but_that_of_the_setting_is_used():
    predictor = build('jepa_wm')
    context, candidates = frames(predictor, 1, 3), actions(1, 2, 3)
    past = actions(1, 2, seed=3)
    narrow, wide = (
        Rollout(predictor, context, past, window).predict(candidates).latent for window in (2, 3)
    )
    assert (narrow - wide).abs().max() > 1e-3


@pytest.mark.parametrize('kind', KINDS)
def test_frame_by_frame_attention_equals_masked_attention(kind, monkeypatch):
    predictor = build(kind)
    window, moves = frames(predictor, 2, 4), actions(2, 4)
    dense = predictor(window, moves)
    monkeypatch.setattr(attention, 'DENSE_TOKENS', 0)
    torch.testing.assert_close(predictor(window, moves).latent, dense.latent, **CLOSE)


@pytest.mark.parametrize('kind', KINDS)
def test_problems_and_candidates_do_not_see_each_other(kind):
    predictor = build(kind)
    context, past, candidates = frames(predictor, 3, 2), actions(3, 1), actions(3, 4, 3, seed=5)
    together = Rollout(predictor, context, past, 2).predict(candidates, hold).latent
    alone = Rollout(predictor, context.map(lambda part: part[1:2]), past[1:2], 2).predict(
        candidates[1:2, 2:3], hold
    )
    torch.testing.assert_close(together.unflatten(0, (3, 4))[1, 2:3], alone.latent, **CLOSE)


def test_one_rollout_serves_groups_of_candidates():
    predictor = build('jepa_wm_state')
    context, past, candidates = frames(predictor, 2, 3), actions(2, 2), actions(2, 5, 4, seed=6)
    rollout = Rollout(predictor, context, past, 3)
    whole = rollout.predict(candidates).latent.unflatten(0, (2, 5))
    parts = [
        rollout.predict(group).latent.unflatten(0, (2, -1)) for group in candidates.split(2, 1)
    ]
    torch.testing.assert_close(torch.cat(parts, 1), whole, **CLOSE)


def test_actions_receive_gradients_through_cached_frames():
    predictor = build('jepa_wm')
    candidates = actions(1, 1, 3).requires_grad_()
    context = frames(predictor, 1, 1)
    future = Rollout(predictor, context, actions(1, 0), 2).predict(candidates).latent
    (found,) = torch.autograd.grad(future[:, -1].square().sum(), candidates)
    again = naive(predictor, context, actions(1, 0), candidates, 2)
    (expected,) = torch.autograd.grad(again[:, -1].square().sum(), candidates)
    assert expected[0, 0].abs().amax(-1).min() > 1e-6  # every step counts
    torch.testing.assert_close(found, expected, **CLOSE)


def test_a_window_longer_than_the_positions_is_refused():
    predictor = build('jepa_wm', frames=2)
    with pytest.raises(WindowError, match=r'window of 3 frames.*positions for 2'):
        predictor(frames(predictor, 1, 3), actions(1, 3))


def test_memory_for_candidates_is_bounded():
    core = build('jepa_wm').core.settings
    assert candidates_within(1, core, 2) == 1
    assert candidates_within(2**31, core, 2) > candidates_within(2**30, core, 2) > 1
