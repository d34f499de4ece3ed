"""JEPA-WM, DINO-WM and V-JEPA 2-AC as world models: units, states, shapes, errors, bundles."""

import dataclasses

import pytest
import torch
from contracts import SMALL

from jepa_wm_ros.worldmodel.bundle import load_bundle, save_bundle
from jepa_wm_ros.worldmodel.contract import ActionContract, CameraContract, ProprioContract
from jepa_wm_ros.worldmodel.families import build, families
from jepa_wm_ros.worldmodel.families.inputs import RolloutError
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.pose_integration import integrate
from jepa_wm_ros.worldmodel.protocol import WorldModel
from jepa_wm_ros.worldmodel.schema import SchemaError

ENCODER = {'dim': 12, 'depth': 1, 'heads': 2, 'patch': 4, 'mlp': 24, 'grid': [1, 2, 3]}
STATE = ('x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper')
KINDS = {
    'jepa_wm': {'depth': 2, 'heads': 2, 'width': 16},
    'jepa_wm state': {
        'depth': 2,
        'heads': 2,
        'width': 16,
        'proprio': 'feature',
        'proprio_dim': 4,
    },
    'jepa_wm feature': {
        'depth': 2,
        'heads': 2,
        'width': 16,
        'conditioning': 'feature',
        'action_dim': 4,
    },
    'jepa_wm token': {'depth': 2, 'heads': 2, 'width': 16, 'conditioning': 'token'},
    'dino_wm': {'depth': 2, 'heads': 2, 'head_dim': 8, 'mlp_dim': 24},
    'dino_wm state': {
        'depth': 2,
        'heads': 2,
        'head_dim': 8,
        'mlp_dim': 24,
        'proprio': 'feature',
        'proprio_dim': 3,
    },
    'vjepa2_ac': {'depth': 2, 'heads': 2, 'width': 16},
    'vjepa2_ac state': {'depth': 2, 'heads': 2, 'width': 16, 'proprio': 'token'},
}


def contract(kind, action=None, proprio=None, **architecture):
    """Return a contract of a family with a tiny encoder and a tiny predictor."""
    state = STATE if 'state' in kind else ()
    return dataclasses.replace(
        SMALL,
        family=kind.split()[0],
        architecture={
            'encoder': ENCODER,
            'predictor': {'frames': 4, **KINDS.get(kind, {})},
            **architecture,
        },
        camera=CameraContract(width=12, height=8),
        proprio=proprio
        or ProprioContract(fields=state, mean=(0.2,) * len(state), std=(1.5,) * len(state)),
        action=action or dataclasses.replace(SMALL.action, mean=(0.1,) * 7),
    )


def model(kind, **changes):
    """Return a model whose random weights leave nothing at zero, and its batch statistics."""
    torch.manual_seed(3)
    built = build(contract(kind, **changes)).eval().requires_grad_(False)
    for parameter in built.parameters():
        parameter.normal_(std=0.3)
    return built


def pictures(batch, count):
    return torch.randn(batch, count, 3, 8, 12, generator=torch.Generator().manual_seed(1))


def states(batch, count):
    return torch.rand(batch, count, 7, generator=torch.Generator().manual_seed(2))


def start(world, batch=2, count=2):
    """Return an encoded context and the actions between its frames."""
    state = states(batch, count) if world.contract.proprio.fields else None
    past = torch.randn(batch, count - 1, world.contract.action.dim)
    return world.encode(pictures(batch, count), state), past


@pytest.mark.parametrize('kind', KINDS)
def test_every_family_is_a_world_model(kind):
    world = model(kind)
    assert isinstance(world, WorldModel)
    context, past = start(world)
    assert context.tokens.shape == (2, 2, 6, 12)
    future = world.rollout(context, past, torch.randn(2, 5, 3, 7))
    assert future.tokens.shape == (2, 5, 3, 6, 12)
    assert (future.proprio is not None) is ('state' in kind)
    if future.proprio is not None:
        assert future.proprio.shape[:3] == (2, 5, 3)
        assert future.proprio.shape[-1] == context.proprio.shape[-1]


@pytest.mark.parametrize('kind', KINDS)
def test_groups_of_candidates_give_the_same_numbers(kind):
    world = model(kind)
    context, past = start(world)
    candidates = torch.randn(2, 5, 3, 7)
    whole = world.rollout(context, past, candidates)
    world.candidates_at_once = 2
    parts = world.rollout(context, past, candidates)
    torch.testing.assert_close(parts.tokens, whole.tokens)
    if whole.proprio is not None:
        torch.testing.assert_close(parts.proprio, whole.proprio)


@pytest.mark.parametrize('count', [1, 3, 4])
def test_any_number_of_context_frames_will_do(count):
    world = model('jepa_wm', window=3)
    context, past = start(world, count=count)
    candidates = torch.randn(2, 2, 4, 7)
    found = world.rollout(context, past, candidates)
    recent = context.map(lambda part: part[:, -3:])
    expected = world.rollout(recent, past[:, max(0, count - 3) :], candidates)
    torch.testing.assert_close(found.tokens, expected.tokens)


@pytest.mark.parametrize('kind', ['jepa_wm', 'dino_wm', 'vjepa2_ac'])
def test_actions_are_in_physical_units(kind):
    world, plain = model(kind), model(kind)
    plain.load_state_dict(world.state_dict())
    plain.normalise_action.mean.zero_()
    plain.normalise_action.std.fill_(1.0)
    context, past = start(world)
    candidates = torch.randn(2, 3, 2, 7)
    normalised = plain.rollout(context, (past - 0.1) / 0.08, (candidates - 0.1) / 0.08)
    found = world.rollout(context, past, candidates)
    torch.testing.assert_close(found.tokens, normalised.tokens, rtol=1e-3, atol=1e-4)


def test_an_action_of_several_controls_is_normalised_control_by_control():
    action = ActionContract(
        fields=('a', 'b'),
        units=('1', '1'),
        lower=(-1.0, -1.0),
        upper=(1.0, 1.0),
        mean=(1.0, 2.0),
        std=(2.0, 4.0),
        step_duration_s=0.1,
        frame_skip=3,
    )
    replaced = dataclasses.replace(
        contract('jepa_wm'), action=action, planning=PlanningSettings(initial_std=(1.0, 1.0))
    )
    world = build(replaced)
    found = world.normalise_action(torch.tensor([3.0, 6.0] * 3))
    torch.testing.assert_close(found, torch.ones(6))
    assert world.predictor.conditioning.action.in_features == 6


def test_a_state_token_is_integrated_from_the_actions():
    world = model('vjepa2_ac state')
    context, past = start(world, batch=1, count=1)
    candidates = 0.3 * torch.randn(1, 4, 3, 7)
    future = world.rollout(context, past, candidates)
    state = states(1, 1)[:, 0].expand(4, 7)
    for h in range(3):
        state = integrate(state, candidates[0, :, h])
        torch.testing.assert_close(future.proprio[0, :, h] * 1.5 + 0.2, state)


@pytest.mark.parametrize(('report', 'size'), [('patches', 6 * 3), ('first', 3)])
def test_a_latent_reports_the_state_of_all_patches_or_of_one(report, size):
    world = model('dino_wm state', proprio_report=report)
    context, past = start(world)
    assert context.proprio.shape == (2, 2, size)
    future = world.rollout(context, past, torch.randn(2, 2, 2, 7))
    assert future.proprio.shape == (2, 2, 2, size)
    every = model('dino_wm state')
    full = every.rollout(*start(every)[:1], past, torch.zeros(2, 1, 1, 7))
    first = world.rollout(context, past, torch.zeros(2, 1, 1, 7))
    torch.testing.assert_close(first.proprio, full.proprio[..., :size])


def test_predicted_latents_are_normalised_where_those_of_the_encoder_are():
    world = model('vjepa2_ac')
    tokens = world.rollout(*start(world), torch.randn(2, 2, 2, 7)).tokens
    torch.testing.assert_close(tokens.mean(-1), torch.zeros(2, 2, 2, 6), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        tokens.var(-1, correction=0), torch.ones(2, 2, 2, 6), atol=1e-3, rtol=0
    )


def test_a_goal_picture_needs_no_state():
    assert model('jepa_wm state').encode(pictures(1, 1)).proprio is None


def test_a_context_without_the_state_that_the_model_takes_is_refused():
    world = model('vjepa2_ac state')
    with pytest.raises(RolloutError, match=r'encode the context with proprio'):
        world.rollout(world.encode(pictures(1, 1)), torch.zeros(1, 0, 7), torch.zeros(1, 1, 1, 7))


@pytest.mark.parametrize(
    ('past', 'actions', 'message'),
    [
        ((2, 0, 7), (2, 1, 1, 7), r'past_actions must be \(2, 1, 7\)'),
        ((2, 1, 7), (1, 1, 1, 7), r'actions must be \(2, S, H, A\)'),
        ((2, 1, 7), (2, 1, 7), r'actions must be \(2, S, H, A\)'),
    ],
)
def test_shapes_that_do_not_fit_are_refused(past, actions, message):
    context = Latent(torch.zeros(2, 2, 6, 12))
    with pytest.raises(RolloutError, match=message):
        model('jepa_wm').rollout(context, torch.zeros(past), torch.zeros(actions))


@pytest.mark.parametrize(
    ('kind', 'changes', 'message'),
    [
        ('jepa_wm', {'window': 5}, r'model.yaml: architecture: window must be 1 to 4'),
        ('jepa_wm', {'windw': 2}, r'unknown key architecture.windw'),
        ('jepa_wm', {'predictor': {'depht': 2}}, r'unknown key architecture.predictor.depht'),
        ('jepa_wm', {'predictor': {'heads': 5}}, r'architecture.predictor: the width 12'),
        (
            'jepa_wm',
            {'predictor': {'proprio': 'token'}},
            r'predictor.proprio is token, but proprio.fields has 0',
        ),
        ('jepa_wm state', {'predictor': {'heads': 2}}, r'proprio is none, but .* has 7 entries'),
        ('dino_wm', {'encoder': {'name': 'dinov9'}}, r'encoder.name must be one of'),
    ],
)
def test_architectures_that_cannot_be_built_are_refused_by_name(kind, changes, message):
    with pytest.raises(SchemaError, match=message):
        build(contract(kind, **changes))


def test_a_state_token_needs_actions_that_move_poses():
    action = dataclasses.replace(SMALL.action, frame_skip=2)
    with pytest.raises(SchemaError, match=r'token needs the action fields dx, dy'):
        build(contract('vjepa2_ac state', action=action))


@pytest.mark.parametrize('kind', KINDS)
def test_a_bundle_gives_the_same_numbers(kind, tmp_path):
    world = model(kind)
    loaded = load_bundle(save_bundle(tmp_path / 'bundle', world, world.contract))
    context, past = start(world)
    candidates = torch.randn(2, 2, 2, 7)
    state = states(2, 2) if world.contract.proprio.fields else None
    torch.testing.assert_close(loaded.encode(pictures(2, 2), state).tokens, context.tokens)
    found = loaded.rollout(context, past, candidates)
    torch.testing.assert_close(found.tokens, world.rollout(context, past, candidates).tokens)


def test_a_module_with_build_is_a_family():
    names = families()
    assert {'jepa_wm', 'dino_wm', 'vjepa2_ac', 'lewm'} <= set(names)
    assert 'frame_model' not in names
    with pytest.raises(SchemaError, match=r'family must be one of .*jepa_wm.*, got .inputs.'):
        build(dataclasses.replace(contract('jepa_wm'), family='inputs'))
