"""LeWorldModel in its official layout, and PLDM: one token a frame, and what a rollout means."""

import dataclasses

import pytest
import torch
from token_rig import OFFICIAL, PREDICTOR, contract_of, model_of, random

from jepa_wm_ros.worldmodel.contract import CameraContract
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.families.inputs import RolloutError
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.reference_rollout import ReferenceRollout
from jepa_wm_ros.worldmodel.protocol import WorldModel
from jepa_wm_ros.worldmodel.schema import SchemaError

RECURRENT = {
    'layout': 'recurrent',
    'impala': {'image_size': 16, 'channels': [4, 6], 'embed_dim': 16},
    'mlp': {'width': 12, 'depth': 2},
    'conv': {'image_size': 16, 'patch': 4, 'channels': [8, 8], 'embed_dim': 16},
}
MODELS = {
    'lewm': ('lewm', OFFICIAL),
    'lewm_wide': ('lewm', {**OFFICIAL, 'predictor': {**PREDICTOR, 'width': 28}}),
    'pldm': ('pldm', OFFICIAL),
    'pldm_gru': ('pldm', RECURRENT),
    'pldm_mlp': ('pldm', {**RECURRENT, 'predictor': 'mlp', 'encoder': 'conv'}),
}


@pytest.fixture(params=MODELS)
def model(request):
    return model_of(*MODELS[request.param])


def context_of(frames: int, batch: int = 1) -> Latent:
    return Latent(random(batch, frames, 1, 16, seed=frames))


def test_it_is_a_world_model_with_one_token_a_frame(model):
    assert isinstance(model, WorldModel)
    assert model.encode(random(2, 3, 3, 16, 16)).tokens.shape == (2, 3, 1, 16)
    future = model.rollout(context_of(3, 2), random(2, 2, 6), random(2, 5, 4, 6))
    assert future.tokens.shape == (2, 5, 4, 1, 16)
    assert future.proprio is None


# The state of a recurrent network is more than the embedding that it says.
@pytest.mark.parametrize('name', sorted(set(MODELS) - {'pldm_gru'}))
def test_a_rollout_equals_its_single_steps(name):
    model = model_of(*MODELS[name])
    actions, past = random(1, 1, 5, 6), random(1, 1, 6, seed=9)
    together = model.rollout(context_of(2), past, actions).tokens[0, 0]
    context = context_of(2)
    for h in range(5):
        following = model.rollout(context, past, actions[:, :, h : h + 1]).tokens[:, 0]
        torch.testing.assert_close(together[h], following[0, 0])
        context = Latent(torch.cat([context.tokens, following], 1)[:, -3:])
        past = torch.cat([past, actions[:, 0, h : h + 1]], 1)[:, -2:]


def test_a_longer_rollout_begins_as_a_shorter_one(model):
    context, past, actions = context_of(2), random(1, 1, 6), random(1, 2, 5, 6)
    longer = model.rollout(context, past, actions).tokens
    shorter = model.rollout(context, past, actions[:, :, :3]).tokens
    torch.testing.assert_close(longer[:, :, :3], shorter)


def test_candidates_and_problems_are_independent(model):
    context, past, actions = context_of(2, 3), random(3, 1, 6), random(3, 4, 3, 6, seed=2)
    together = model.rollout(context, past, actions).tokens
    alone = model.rollout(context.map(lambda x: x[1:2]), past[1:2], actions[1:2, 2:3]).tokens
    torch.testing.assert_close(together[1:2, 2:3], alone)


def test_a_later_action_changes_no_earlier_prediction(model):
    actions, past = random(1, 1, 4, 6), random(1, 0, 6)
    other = actions.clone()
    other[:, :, 2] += 1.0
    one, two = (model.rollout(context_of(1), past, a).tokens for a in (actions, other))
    torch.testing.assert_close(one[:, :, :2], two[:, :, :2])
    assert not torch.allclose(one[:, :, 2:], two[:, :, 2:])


def test_teacher_forcing_predicts_what_a_rollout_predicts():
    model = model_of('lewm', OFFICIAL)
    context, actions = context_of(3), random(1, 3, 6)
    forced = model.predict(context, actions).tokens
    for t in range(3):
        seen = context.map(lambda part, t=t: part[:, : t + 1])
        step = model.rollout(seen, actions[:, :t], actions[:, None, t : t + 1]).tokens
        torch.testing.assert_close(forced[:, t], step[:, 0, 0])


@pytest.mark.parametrize('name', ['lewm', 'lewm_wide'])
def test_the_fast_rollout_equals_the_plain_one(name):
    model = model_of(*MODELS[name])
    context, past, actions = context_of(2), random(1, 1, 6), random(1, 3, 5, 6)
    fast = model.rollout(context, past, actions).tokens
    model.rollouts = ReferenceRollout
    torch.testing.assert_close(model.rollout(context, past, actions).tokens, fast)


def test_the_official_size_is_the_published_one():
    camera = CameraContract(width=224, height=224)
    action = dataclasses.replace(contract_of('lewm', {}).action, frame_skip=5)
    with torch.device('meta'):
        model = build(contract_of('lewm', {'layout': 'official'}, camera=camera, action=action))
    assert sum(p.numel() for p in model.parameters()) == 18_034_478
    assert sum(p.numel() for p in model.encoder.parameters()) == 5_501_376
    assert sum(p.numel() for p in model.projector.parameters()) == 792_768
    assert sum(p.numel() for p in model.predictor.conditioning.parameters()) == 156_206
    assert sum(p.numel() for p in model.predictor.core.parameters()) == 10_791_360


def test_planning_in_train_mode_is_refused():
    model = model_of('lewm', OFFICIAL).train()
    with pytest.raises(RolloutError, match=r'call eval\(\)'):
        model.rollout(context_of(1), random(1, 0, 6), random(1, 2, 2, 6))


def test_actions_are_normalised_once_for_each_control():
    model = model_of('lewm', OFFICIAL)
    mean = torch.tensor((0.1, -0.2) * 3).double()
    assert model.normalise_action(mean).abs().max() < 1e-7


@pytest.mark.parametrize(
    ('family', 'changes', 'message'),
    [
        ('lewm', {'layout': 'huge'}, 'layout must be one of small, official'),
        ('pldm', {'layout': 'huge'}, 'layout must be one of official, recurrent'),
        ('lewm', {'window': 4}, 'window must be 1 to 3'),
        ('lewm', {'predictor': {'conditioning': 'token'}}, 'predictor.conditioning must be'),
        ('lewm', {'predictor': {'size': 4}}, 'unknown key architecture.predictor.size'),
        ('lewm', {'embed_dim': 0}, 'embed_dim must be at least 1'),
    ],
)
def test_a_wrong_architecture_is_an_error_that_names_the_key(family, changes, message):
    with pytest.raises(SchemaError, match=message):
        build(contract_of(family, {**OFFICIAL, **changes}))


def test_a_recurrent_model_refuses_pictures_of_another_size():
    camera = CameraContract(width=32, height=32)
    with pytest.raises(SchemaError, match='16x16 px, but camera gives 32x32'):
        build(contract_of('pldm', RECURRENT, camera=camera))
