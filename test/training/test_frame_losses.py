"""Teacher forcing and rolled-out steps: weights, gradients, and where they stop."""

import pytest
import torch

from jepa_wm_ros.training.frame_losses import (
    ClipError,
    draw_prefix,
    forced,
    frame_loss,
    rolled_out,
)
from jepa_wm_ros.training.loss_settings import ErrorWeights, FrameLossSettings
from jepa_wm_ros.training.token_errors import token_errors
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings

SHAPE = FrameShape(latent_dim=10, grid=(1, 3), action_dim=4, proprio_dim=3)


def predictor_of(**changes):
    torch.manual_seed(0)
    settings = PredictorSettings(depth=1, heads=2, width=12, frames=6, **changes)
    return FramePredictor(settings, SHAPE).double().eval()


def clip(predictor, frames=5):
    generator = torch.Generator().manual_seed(1)
    latent = torch.randn(2, frames, 3, 10, generator=generator).double()
    states = torch.randn(2, frames, 3, generator=generator).double()
    actions = torch.randn(2, frames, 4, generator=generator).double()
    if predictor.settings.proprio == 'feature':
        return Frames(latent, predictor.conditioning.embed_proprio(states)), actions
    return Frames(latent), actions


def test_errors_of_tokens_by_hand():
    errors = token_errors(torch.tensor([[[[3.0, 0.0]]]]), torch.tensor([[[[0.0, 0.5]]]]))
    assert errors.l1.item() == pytest.approx(1.75)
    assert errors.l2.item() == pytest.approx(4.625)
    assert errors.smooth_l1.item() == pytest.approx((2.5 + 0.125) / 2)
    assert errors.cosine.item() == pytest.approx(0.0)


def test_weights_are_those_of_the_publication():
    two = FrameLossSettings(steps=2)
    assert (two.forced_weight, two.step_weight) == (pytest.approx(1 / 3), 0.5)
    fair = FrameLossSettings(steps=4, weighting='normalised')
    assert fair.forced_weight + 3 * fair.step_weight == pytest.approx(1.0)


def test_teacher_forcing_compares_each_prediction_with_the_next_frame():
    predictor = predictor_of()
    frames, actions = clip(predictor)
    errors, predicted = forced(predictor, frames, actions, FrameLossSettings())
    expected = (predicted.latent[:, :-1] - frames.latent[:, 1:]).square().mean(-1)
    torch.testing.assert_close(errors.latent.l2, expected)


@pytest.mark.parametrize('prefix', [0, 1])
def test_a_rollout_is_the_forced_prediction_and_then_its_own(prefix):
    predictor = predictor_of()
    frames, actions = clip(predictor)
    settings = FrameLossSettings(steps=3, window=6)
    _, predicted = forced(predictor, frames, actions, settings)
    errors, seen = rolled_out(predictor, frames, actions, predicted, prefix, settings)
    assert len(errors) == 2
    assert seen.latent.shape[1] == prefix + 4
    torch.testing.assert_close(seen.latent[:, : prefix + 1], frames.latent[:, : prefix + 1])
    again = seen.latent[:, :-1]
    whole = predictor(Frames(again), actions[:, : again.shape[1]]).latent[:, prefix:]
    torch.testing.assert_close(seen.latent[:, prefix + 1 :], whole)


def gradient_through_first_prediction(detach):
    predictor = predictor_of()
    frames, actions = clip(predictor)
    settings = FrameLossSettings(steps=2, detach=detach)
    _, predicted = forced(predictor, frames, actions, settings)
    predicted = predicted.map(lambda part: part.detach().requires_grad_())
    errors, _ = rolled_out(predictor, frames, actions, predicted, 0, settings)
    loss = errors[0].loss(settings.errors)
    (gradient,) = torch.autograd.grad(loss, predicted.latent, allow_unused=True)
    return gradient


def test_gradients_pass_a_step_only_where_they_are_let():
    assert gradient_through_first_prediction(detach=True) is None
    assert gradient_through_first_prediction(detach=False).abs().max() > 0


def test_states_count_only_where_they_are_compared():
    predictor = predictor_of(proprio='feature', proprio_dim=2)
    frames, actions = clip(predictor)
    with_states = frame_loss(predictor, frames, actions, FrameLossSettings())
    without = frame_loss(predictor, frames, actions, FrameLossSettings(proprio=False))
    assert with_states > without


def test_true_states_can_stand_in_for_predicted_ones():
    predictor = predictor_of(proprio='feature', proprio_dim=2)
    frames, actions = clip(predictor)
    for predicted_proprio in (True, False):
        settings = FrameLossSettings(predicted_proprio=predicted_proprio)
        _, predicted = forced(predictor, frames, actions, settings)
        _, seen = rolled_out(predictor, frames, actions, predicted, 0, settings)
        true = torch.equal(seen.proprio[:, 1:], frames.proprio[:, 1:3])
        assert true is not predicted_proprio


def test_the_loss_is_a_mean_over_prefixes():
    predictor = predictor_of()
    frames, actions = clip(predictor)
    settings = FrameLossSettings(errors=ErrorWeights(l1=0.5, l2=0.0, cosine=0.1))
    one, two = (frame_loss(predictor, frames, actions, settings, (p,)) for p in (0, 2))
    both = frame_loss(predictor, frames, actions, settings, (0, 2))
    torch.testing.assert_close(both, (one + two) / 2)


def test_normalised_predictions_have_mean_0_and_variance_1():
    predictor = predictor_of()
    frames, actions = clip(predictor)
    _, predicted = forced(predictor, frames, actions, FrameLossSettings(normalise=True))
    assert predicted.latent.mean(-1).abs().max() < 1e-6
    assert (predicted.latent.var(-1, unbiased=False) - 1).abs().max() < 1e-2


def test_prefixes_leave_room_for_the_rollout():
    generator = torch.Generator().manual_seed(0)
    settings = FrameLossSettings(steps=2)
    assert {draw_prefix(5, settings, generator) for _ in range(50)} == {0, 1, 2}
    assert draw_prefix(5, FrameLossSettings(steps=2, prefix='first'), generator) == 0
    assert draw_prefix(3, settings, generator) == 0


def test_a_clip_that_is_too_short_is_refused():
    predictor = predictor_of()
    frames, actions = clip(predictor, frames=3)
    settings = FrameLossSettings(steps=2)
    _, predicted = forced(predictor, frames, actions, settings)
    with pytest.raises(ClipError, match='needs 4 frames, the clip has 3'):
        rolled_out(predictor, frames, actions, predicted, 1, settings)


def test_a_loss_of_nothing_is_refused():
    with pytest.raises(ValueError, match='must be above 0'):
        ErrorWeights(l2=0.0)
