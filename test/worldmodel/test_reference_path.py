"""The reference path repeats everything, and gives the same numbers."""

import pytest
import torch
from predictor_rig import KINDS, actions, build, frames, hold

from jepa_wm_ros.worldmodel.predictors.reference import ReferenceTransformer
from jepa_wm_ros.worldmodel.predictors.reference_rollout import ReferenceRollout
from jepa_wm_ros.worldmodel.predictors.rollout import Rollout

# The core's rotary tables are float32 whatever the model is; the reference makes its own.
CLOSE = {'rtol': 1e-6, 'atol': 1e-6}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(('observed', 'window'), [(1, 2), (3, 3), (2, 4)])
def test_reference_rollout_equals_the_shared_one(kind, observed, window):
    predictor = build(kind)
    context, past = frames(predictor, 2, observed), actions(2, observed - 1)
    candidates = actions(2, 3, 4, seed=2)
    fast, slow = (
        rollout(predictor, context, past, window).predict(candidates, hold)
        for rollout in (Rollout, ReferenceRollout)
    )
    torch.testing.assert_close(fast.latent, slow.latent, **CLOSE)


def frame_condition(size):
    return torch.randn(2, 3, size).double() if size else None


@pytest.mark.parametrize('kind', KINDS)
def test_reference_transformer_equals_the_core(kind):
    core = build(kind).core
    settings = core.settings
    x = torch.randn(2, 3, settings.tokens, settings.dim).double()
    condition = frame_condition(settings.condition_dim)
    torch.testing.assert_close(
        ReferenceTransformer(core)(x, condition), core(x, condition), **CLOSE
    )
