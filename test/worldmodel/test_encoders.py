"""One vision transformer: sizes as published, and what must hold whatever its settings are."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.nn.functional import layer_norm

from jepa_wm_ros.worldmodel.contract import CameraContract
from jepa_wm_ros.worldmodel.encoders import (
    build_encoder,
    encoder_from,
    read_encoder,
    token_grid,
)
from jepa_wm_ros.worldmodel.encoders.blocks import SwiGlu
from jepa_wm_ros.worldmodel.encoders.positions import LearnedPositions
from jepa_wm_ros.worldmodel.encoders.presets import PRESETS
from jepa_wm_ros.worldmodel.encoders.rotary import AxialRotary
from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
from jepa_wm_ros.worldmodel.encoders.vit import EncoderError
from jepa_wm_ros.worldmodel.schema import SchemaError

TINY = EncoderSettings(dim=24, depth=2, heads=2, patch=4, mlp=48, grid=(1, 3, 3))
KINDS = {
    'learned': {'registers': 2, 'interpolation': 'offset', 'layer_scale': True},
    'antialias': {'interpolation': 'antialias', 'feed_forward': 'swiglu'},
    'bicubic': {'norm_eps': 1e-12, 'qkv_bias': False},
    'axial': {'positions': 'axial_rope', 'registers': 3},
    'tiled': {'positions': 'tiled_rope', 'class_token': False, 'tubelet': 2, 'layer_norm': True},
    'video': {'class_token': False, 'tubelet': 2, 'grid': (4, 3, 3), 'interpolation': 'trilinear'},
    'odd heads': {'positions': 'tiled_rope', 'dim': 26},
    'unplaced': {'positions': 'none'},
}


def tiny(kind: str, **changes):
    """An encoder with random weights that all have a say."""
    torch.manual_seed(0)
    encoder = build_encoder(dataclasses.replace(TINY, **{**KINDS[kind], **changes}))
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return encoder.eval()


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


# Parameters of the published models, without the mask token of pre-training.
@pytest.mark.parametrize(
    ('name', 'count'),
    [
        ('dinov2_vits14', 22_056_576 - 384),
        ('dinov2_vitg14', 1_136_480_768 - 1536),
        ('dinov3_vitl16', 303_129_600 - 1024 + 24 * 1024),  # with biases for keys
        ('vjepa2_vitg16', 1_012_173_952),
        ('lewm_vit_tiny', 5_501_376),
    ],
)
def test_presets_have_as_many_parameters_as_published_models(name, count):
    with torch.device('meta'):
        encoder = build_encoder(PRESETS[name])
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count


@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_is_read_by_name(name):
    assert read_encoder({'name': name}, 'model.yaml') == PRESETS[name]


def test_a_named_preset_can_be_changed():
    settings = read_encoder({'name': 'vjepa2_vitg16', 'layer_norm': True}, 'model.yaml')
    assert settings == dataclasses.replace(PRESETS['vjepa2_vitg16'], layer_norm=True)


@pytest.mark.parametrize(
    ('mapping', 'words'),
    [
        ({'name': 'resnet'}, r'm\.yaml: architecture\.encoder\.name must be one of dinov2_vits14'),
        ({'name': 'dinov2_vits14', 'width': 3}, r'unknown key architecture\.encoder\.width'),
        (
            {'dim': 24, 'depth': 1, 'heads': 2, 'patch': 4},
            r'missing key architecture\.encoder\.mlp',
        ),
        ({'name': 'dinov2_vits14', 'heads': 5}, 'dim 384 must be a multiple of heads 5'),
        ({'name': 'vjepa2_vitl16', 'tokens': 'cls'}, 'needs class_token'),
        ({'name': 'dinov2_vits14', 'positions': 'sines'}, 'positions must be one of learned'),
        ({'name': 'dinov2_vits14', 'norm_eps': 0.0}, 'norm_eps must be positive'),
        ({'name': 'dinov3_vits16', 'dim': 30, 'heads': 5}, 'multiple of 4, got 6'),
        ('dinov2_vits14', 'must be a mapping'),
    ],
)
def test_wrong_settings_are_named(mapping, words):
    with pytest.raises(SchemaError, match=words):
        read_encoder(mapping, 'm.yaml')


@pytest.mark.parametrize('kind', KINDS)
def test_frames_do_not_know_of_each_other(kind):
    encoder, images = tiny(kind), pictures(2, 3, 3, 8, 16)
    with torch.no_grad():
        together = encoder(images)
        alone = encoder(images[1:, 2:])
    assert together.shape == (2, 3, 8, encoder.dim)
    assert encoder.grid(8, 16) == (2, 4)
    assert torch.allclose(together[1:, 2:], alone, atol=1e-5)
    assert not torch.allclose(together[0, 0], together[1, 2], atol=1e-2)


@pytest.mark.parametrize('kind', KINDS)
def test_an_encoder_is_complete_when_its_weights_are_assigned(kind):
    encoder, images = tiny(kind), pictures(1, 2, 3, 12, 8)
    with torch.device('meta'):
        shell = build_encoder(encoder.settings)
    shell.load_state_dict(encoder.state_dict(), assign=True)
    with torch.no_grad():
        assert torch.equal(shell.eval()(images), encoder(images))


@pytest.mark.parametrize('kind', KINDS)
def test_half_precision_stays_near(kind):
    encoder, images = tiny(kind, layer_norm=True), pictures(1, 1, 3, 12, 12)
    with torch.no_grad():
        exact = encoder(images)
        half = encoder.to(torch.bfloat16)(images)
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).abs().mean() < 0.1


def test_the_class_token_alone_can_be_asked_for():
    encoder = tiny('learned', tokens='cls')
    images = pictures(2, 1, 3, 12, 12)
    with torch.no_grad():
        assert torch.equal(encoder(images)[:, 0, 0], encoder.vit(images[:, 0])[:, 0])
    assert encoder.grid(12, 12) == (1, 1)


def test_registers_stand_between_class_and_patches():
    encoder = tiny('learned')
    seen = []
    encoder.vit.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        tokens = encoder.vit(pictures(1, 3, 12, 12))
    vit = encoder.vit
    assert tokens.shape[1] == encoder.settings.extra_tokens + 9 == 12
    assert torch.equal(seen[0][:, 1:3], vit.registers)
    assert torch.equal(seen[0][:, 0], (vit.cls_token + vit.positions.table[:, :1])[:, 0])


@pytest.mark.parametrize('kind', KINDS)
def test_a_frame_becomes_its_patches_alone(kind):
    encoder = tiny(kind, layer_norm=False, tubelet=1)
    images = pictures(2, 1, 3, 8, 12)
    with torch.no_grad():
        tokens = encoder.vit(images[:, 0])
        assert torch.equal(encoder(images)[:, 0], tokens[:, -6:])
    assert tokens.shape[1] == 6 + encoder.settings.extra_tokens


@pytest.mark.parametrize('kind', ['axial', 'tiled'])
def test_attention_turns_queries_and_keys(kind):
    """One block by hand: softmax(q k / sqrt(d)) v with both sides turned by their positions."""
    encoder = tiny(kind, tubelet=1)
    attention, x = encoder.vit.blocks[0].attn, pictures(1, 6 + encoder.settings.extra_tokens, 24)
    rotation = encoder.vit.rope((1, 2, 3), x.device)
    with torch.no_grad():
        q, k, v = (part.unflatten(-1, (2, 12)) for part in attention.qkv(x)[0].chunk(3, -1))
        for head in range(2):
            q[:, head], k[:, head] = rotation(q[:, head]), rotation(k[:, head])
        weights = torch.einsum('qhd,khd->hqk', q, k).div(12**0.5).softmax(-1)
        seen = torch.einsum('hqk,khd->qhd', weights, v).flatten(1)
        assert torch.allclose(attention(x, rotation)[0], attention.proj(seen), atol=1e-5)


def test_the_first_half_of_a_gated_layer_is_the_gate():
    layer = SwiGlu(1, 1)
    layer.load_state_dict(
        {
            'gate.weight': torch.tensor([[2.0], [3.0]]),
            'gate.bias': torch.zeros(2),
            'out.weight': torch.ones(1, 1),
            'out.bias': torch.zeros(1),
        }
    )
    with torch.no_grad():
        expected = 2.0 / (1 + math.exp(-2.0)) * 3.0
        assert layer(torch.ones(1, 1)).item() == pytest.approx(expected)


def test_tokens_can_be_normalised_once_more():
    plain, normalised = tiny('axial'), tiny('axial', layer_norm=True)
    images = pictures(1, 1, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(normalised(images), layer_norm(plain(images), (24,), eps=1e-5))


def test_a_video_encoder_sees_a_frame_as_a_still_clip():
    """Copies of one frame under a kernel in time are one frame under the kernel's sum."""
    encoder = tiny('tiled')
    image = pictures(1, 1, 3, 8, 12)
    clip = image[:, 0, :, None].expand(-1, -1, 2, -1, -1)
    flat = build_encoder(dataclasses.replace(encoder.settings, tubelet=1)).eval()
    state = encoder.state_dict()
    state['vit.patch_embed.weight'] = state['vit.patch_embed.weight'].sum(2)
    flat.load_state_dict(state)
    with torch.no_grad():
        tokens = encoder(image)
        assert torch.allclose(tokens[:, 0], layer_norm(encoder.vit(clip), (24,)), atol=1e-5)
        assert torch.allclose(tokens, flat(image), atol=1e-5)


def test_clips_give_tokens_in_the_order_time_rows_columns():
    """Without positions, tokens move with their patches."""
    encoder = tiny('unplaced', tubelet=2)
    clip = pictures(1, 3, 4, 8, 12)
    moved = clip.unflatten(2, (2, 2)).flip(2).flatten(2, 3).flip(4).unflatten(4, (3, 4))
    moved = moved.flip(5).flatten(4, 5)
    with torch.no_grad():
        tokens = encoder.vit(clip)[0, 1:].view(2, 2, 3, -1)
        assert torch.allclose(
            encoder.vit(moved)[0, 1:].view(2, 2, 3, -1), tokens.flip(0, 2), atol=1e-5
        )


@pytest.mark.parametrize('size', [(9, 8), (8, 10)])
def test_pictures_must_divide_into_patches(size):
    with pytest.raises(EncoderError, match='do not divide into patches of 4x4'):
        tiny('learned')(pictures(1, 1, 3, *size))


@pytest.mark.parametrize('kind', ['learned', 'antialias', 'bicubic', 'video'])
def test_a_table_of_positions_is_untouched_on_its_own_grid(kind):
    settings = tiny(kind).settings
    positions = LearnedPositions(settings)
    assert positions(settings.grid) is positions.table


@pytest.mark.parametrize('kind', ['learned', 'antialias', 'bicubic', 'video'])
@pytest.mark.parametrize('plane', [(2, 2), (5, 5), (3, 6), (7, 2)])
def test_equal_positions_stay_equal_on_every_grid(kind, plane):
    """Every kernel's weights add up to one; the row of the class token is not mixed in."""
    settings = tiny(kind).settings
    positions = LearnedPositions(settings)
    torch.nn.init.constant_(positions.table, 2.0)
    with torch.no_grad():
        positions.table[:, : positions.leading] = 7.0
        moved = positions((1, *plane))
    assert moved.shape == (1, positions.leading + plane[0] * plane[1], 24)
    assert torch.allclose(moved[:, positions.leading :], torch.tensor(2.0), atol=1e-5)
    assert (moved[:, : positions.leading] == 7.0).all()


def test_rows_are_rows_when_positions_are_interpolated():
    """A table that varies with the row only does so afterwards, on a grid that is not square."""
    positions = LearnedPositions(dataclasses.replace(TINY, grid=(1, 4, 4), class_token=False))
    with torch.no_grad():
        positions.table.copy_(torch.arange(4.0).repeat_interleave(4)[None, :, None])
        moved = positions((1, 8, 2)).view(8, 2, 24)
    assert torch.allclose(moved[:, :1].expand(-1, 2, -1), moved, atol=1e-5)
    assert (moved[1:, 0, 0] > moved[:-1, 0, 0]).all()


def test_the_three_bicubic_kinds_differ():
    tables = {}
    for name in ('offset', 'antialias', 'bicubic'):
        torch.manual_seed(0)
        positions = LearnedPositions(dataclasses.replace(TINY, grid=(1, 7, 7), interpolation=name))
        tables[name] = positions((1, 4, 4)).detach()
    assert (tables['offset'] - tables['bicubic']).abs().max() > 1e-4
    assert (tables['antialias'] - tables['bicubic']).abs().max() > 1e-3


def test_a_still_picture_lies_in_the_middle_of_a_table_over_time():
    """Of four planes, one that stands for all is the mean of the two in the middle."""
    positions = LearnedPositions(tiny('video').settings)
    middle = positions.table.unflatten(1, (4, 9))[:, 1:3].mean(1)
    assert torch.allclose(positions((1, 3, 3)), middle, atol=1e-6)


def test_axial_rotation_turns_by_coordinate_over_period():
    """On a grid of two rows and one column the rows lie at -0.5 and 0.5, the column at 0."""
    rotary = AxialRotary(8)
    assert rotary.periods.tolist() == pytest.approx([1.0, 10.0])
    rotation = rotary((1, 2, 1), torch.device('cpu'))
    x = torch.zeros(1, 1, 3, 8)
    x[..., 0:4] = 1.0
    angles = [math.pi / 1.0, math.pi / 10.0, 0.0, 0.0]
    turned = rotation(x)[0, 0]
    assert torch.equal(turned[0], x[0, 0, 0])
    for token, sign in ((1, -1), (2, 1)):
        cosines = [math.cos(sign * a) for a in angles]
        sines = [math.sin(sign * a) for a in angles]
        assert turned[token].tolist() == pytest.approx(cosines + sines, abs=1e-6)


def test_axial_rotation_keeps_lengths():
    rotation = AxialRotary(12)((1, 3, 5), torch.device('cpu'))
    x = pictures(1, 2, 15, 12)
    assert torch.allclose(rotation(x).norm(dim=-1), x.norm(dim=-1), atol=1e-5)


def test_the_epsilon_of_the_norms_shows_where_activations_are_small():
    encoder, images = tiny('axial'), pictures(1, 1, 3, 8, 8)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if any(part in name for part in ('patch_embed', 'cls', 'regis', 'proj', 'fc2')):
                parameter.mul_(1e-3)
        exact = encoder(images)
        other = build_encoder(dataclasses.replace(encoder.settings, norm_eps=1e-5)).eval()
        other.load_state_dict(encoder.state_dict())
        assert (other(images) - exact).abs().max() > 0.1 * exact.abs().max()


def test_gradients_reach_every_weight():
    encoder = tiny('learned')
    encoder.vit(pictures(2, 3, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


CONV = {'kind': 'conv', 'image_size': 16, 'patch': 4, 'channels': [8, 8, 16], 'embed_dim': 6}


def test_a_convolutional_encoder_makes_one_token_of_a_frame():
    encoder = encoder_from(CONV, 'model.yaml').eval()
    images = pictures(2, 3, 3, 16, 16)
    with torch.no_grad():
        tokens = encoder(images)
        assert torch.allclose(tokens[1, 2], encoder(images[1:, 2:])[0, 0], atol=1e-5)
    assert tokens.shape == (2, 3, 1, encoder.dim) == (2, 3, 1, 6)
    assert token_grid(encoder, CameraContract(width=16, height=16), 'model.yaml') == (1, 1)


def test_a_transformer_needs_no_kind():
    mapping = {'name': 'lewm_vit_tiny', 'depth': 1}
    assert (
        encoder_from(mapping, 'm').settings
        == encoder_from({**mapping, 'kind': 'vit'}, 'm').settings
    )


@pytest.mark.parametrize('mapping', [{'kind': 'rnn'}, ['conv'], {'kind': 'conv', 'depth': 3}])
def test_other_kinds_are_refused(mapping):
    with pytest.raises(SchemaError, match=r'm\.yaml: (unknown key )?architecture\.encoder'):
        encoder_from(mapping, 'm.yaml')


@pytest.mark.parametrize('mapping', [CONV, {'name': 'lewm_vit_tiny', 'depth': 1}])
def test_a_camera_that_does_not_fit_is_named(mapping):
    encoder = encoder_from(mapping, 'm.yaml')
    with pytest.raises(SchemaError, match=r'm\.yaml: camera does not fit architecture\.encoder'):
        token_grid(encoder, CameraContract(width=20, height=20), 'm.yaml')


def test_the_second_resize_decides_the_grid():
    encoder = encoder_from({'name': 'lewm_vit_tiny', 'depth': 1, 'tokens': 'patches'}, 'm.yaml')
    camera = CameraContract(width=224, height=224)
    assert token_grid(encoder, camera, 'm.yaml') == (16, 16)
    assert token_grid(encoder, dataclasses.replace(camera, second_size=196), 'm') == (14, 14)
