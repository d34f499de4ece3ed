"""PLDM's terms: zero for embeddings that are spread out and independent, and not otherwise."""

import pytest
import torch

from jepa_wm_ros.training.inverse_dynamics import InverseDynamics
from jepa_wm_ros.training.loss_settings import VicRegSettings
from jepa_wm_ros.training.vicreg import (
    batch_first_terms,
    covariance_loss,
    official_terms,
    spread_loss,
    straightening_loss,
)

ALL = VicRegSettings(
    spread=1.0, covariance=1.0, spread_time=1.0, covariance_time=1.0, similarity_time=1.0
)


def white(count, dim):
    """Return samples whose sample covariance is exactly the identity."""
    samples = torch.randn(count, dim, generator=torch.Generator().manual_seed(0)).double()
    samples = samples - samples.mean(0)
    chol = torch.linalg.cholesky(samples.T @ samples / (count - 1))
    return torch.linalg.solve_triangular(chol, samples.T, upper=False).T


def test_white_samples_cost_nothing():
    samples = 1.01 * white(50, 6)
    assert float(spread_loss(samples, 0)) == 0.0
    assert float(covariance_loss(samples)) < 1e-12


def test_collapsed_samples_cost_the_whole_margin():
    collapsed = torch.ones(20, 5).double()
    assert float(spread_loss(collapsed, 0)) == pytest.approx(0.99)
    assert float(spread_loss(collapsed, 0, margin=2.0)) == pytest.approx(1.99)


def test_numbers_that_say_the_same_are_penalised_by_hand():
    one = white(30, 1)
    same = torch.cat([one, one, one], 1)
    assert float(covariance_loss(same)) == pytest.approx(1.0)
    assert float(covariance_loss(same, pairs=False)) == pytest.approx(2.0)


def test_a_straight_line_is_as_straight_as_can_be():
    line = torch.arange(5.0)[None, :, None] * torch.tensor([1.0, -2.0])
    assert float(straightening_loss(line)) == pytest.approx(-1.0)


def test_the_official_batch_terms_see_the_first_frame_alone():
    encoded = torch.randn(4, 9, 6, generator=torch.Generator().manual_seed(0)).double()
    other = encoded.clone()
    other[1:] *= 3.0
    one, two = (official_terms(x, x, ALL) for x in (encoded, other))
    torch.testing.assert_close((one.spread, one.covariance), (two.spread, two.covariance))
    assert not torch.allclose(one.covariance_time, two.covariance_time)


def test_the_other_variant_sees_every_frame():
    encoded = torch.randn(9, 4, 6, generator=torch.Generator().manual_seed(0)).double()
    other = encoded.clone()
    other[:, 2] *= 0.1
    one, two = (batch_first_terms(x[:, 1:], x) for x in (encoded, other))
    assert two.spread > one.spread


def test_terms_without_weight_are_not_computed():
    encoded = torch.randn(3, 4, 5).double()
    terms = official_terms(encoded, encoded, VicRegSettings())
    assert float(terms.total(VicRegSettings())) == 0.0
    assert float(terms.spread_time) == float(terms.similarity_time) == 0.0


def test_no_gradient_is_stopped():
    encoded = torch.randn(3, 4, 5).double().requires_grad_()
    predicted = torch.randn(3, 4, 5).double().requires_grad_()
    official_terms(predicted, encoded).similarity.backward()
    torch.testing.assert_close(encoded.grad, -predicted.grad)


def test_inverse_dynamics_takes_the_two_in_the_order_that_was_asked():
    before, after = torch.zeros(2, 3), torch.ones(2, 3)
    torch.manual_seed(0)
    older = InverseDynamics(3, 2)
    newer = InverseDynamics(3, 2, newer_first=True)
    newer.load_state_dict(older.state_dict())
    torch.testing.assert_close(older(before, after), newer(after, before))
    assert not torch.allclose(older(before, after), newer(before, after))


def test_inverse_dynamics_learns_which_action_was_taken():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = InverseDynamics(4, 2, hidden=(16,))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = torch.randn(64, 4, generator=generator)
    action = torch.randn(64, 2, generator=generator)
    after = before + torch.cat([action, torch.zeros(64, 2)], 1)
    for _ in range(200):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(model(before, after), action)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.05
