"""Heads: what they make of latents, and that they never run on those of another model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from contracts import SMALL

from jepa_wm_ros.worldmodel.bundle import load_bundle, save_bundle
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.heads import load_decoder, load_head, load_reward
from jepa_wm_ros.worldmodel.heads.decoder import Decoder, DecoderSettings
from jepa_wm_ros.worldmodel.heads.head import HeadError, LatentShape
from jepa_wm_ros.worldmodel.heads.probe import PositionProbe, ProbeSettings
from jepa_wm_ros.worldmodel.heads.reward import RewardHead, RewardSettings
from jepa_wm_ros.worldmodel.heads.storage import head_names, read_record, save_head
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.weights import read_weights, write_weights

ONE = LatentShape(tokens=1, dim=8)
SMALL_PICTURE = {'height': 16, 'width': 32, 'channels': (8, 8, 8, 8)}
PROBE = ProbeSettings(fields=('x', 'y'), mean=(1.0, 2.0), std=(0.1, 0.2))


def tokens(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def decoder(layout: str, shape: LatentShape, grid: tuple[int, int] = (1, 1)) -> Decoder:
    torch.manual_seed(0)
    return Decoder(shape, DecoderSettings(layout=layout, grid=grid, **SMALL_PICTURE)).eval()


@pytest.fixture
def model(tmp_path: Path):
    torch.manual_seed(0)
    save_bundle(tmp_path, build(SMALL), SMALL)
    return load_bundle(tmp_path)


@pytest.mark.parametrize(
    ('layout', 'shape', 'grid'),
    [
        ('flat', LatentShape(tokens=1, dim=8), (1, 1)),
        ('grid', LatentShape(tokens=15, dim=8), (3, 5)),
        ('slots', LatentShape(tokens=3, dim=8), (1, 1)),
    ],
)
def test_a_decoder_makes_pictures_of_latents_of_any_leading_shape(layout, shape, grid) -> None:
    head = decoder(layout, shape, grid)
    many = tokens(2, 3, shape.tokens, shape.dim)
    pictures = head.decode(Latent(many))
    assert pictures.shape == (2, 3, 3, 16, 32)
    assert 0 <= pictures.min() < pictures.max() <= 1
    torch.testing.assert_close(head.decode(Latent(many[1, 2])), pictures[1, 2])


def test_patches_stay_where_they_are_and_none_is_left_out() -> None:
    """8 x 8 patches on a coarse grid of 4 x 4, whose neighbours are mixed once."""
    settings = DecoderSettings(layout='grid', height=64, width=64, grid=(8, 8))
    head = Decoder(LatentShape(tokens=64, dim=8), settings)
    plain = tokens(1, 64, 8)
    for row, column in ((0, 0), (0, 5), (7, 7)):
        changed = plain.clone()
        changed[:, 8 * row + column] += 5.0
        gap = (head.inward(changed) - head.inward(plain)).abs().sum(1)[0]
        touched = gap.nonzero()
        assert gap[row // 2, column // 2] > 0
        assert (touched - torch.tensor([row // 2, column // 2])).abs().max() <= 1


def test_slots_share_each_pixel_and_come_in_any_order() -> None:
    head = decoder('slots', LatentShape(tokens=3, dim=8))
    slots = tokens(2, 3, 8)
    colours, shares = head.layers(slots)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 1, 16, 32))
    torch.testing.assert_close(head(slots[:, [2, 0, 1]]), head(slots))
    torch.testing.assert_close((colours * shares).sum(1), head(slots))


def test_a_decoder_begins_at_the_average_picture() -> None:
    head = decoder('flat', ONE)
    for parameter in head.painter.last.parameters():
        parameter.data.zero_()
    average = torch.full((3, 16, 32), 0.3)
    head.begin_at(average)
    torch.testing.assert_close(head(tokens(1, 1, 8))[0], average)


def test_a_probe_speaks_in_physical_units() -> None:
    probe = PositionProbe(ONE, PROBE)
    for parameter in probe.parameters():
        parameter.data.zero_()
    probe.layers[-1].bias.data[:] = torch.tensor([1.0, -1.0])
    read = probe.read(Latent(tokens(4, 1, 8)))
    torch.testing.assert_close(read, torch.tensor([[1.1, 1.8]]).expand(4, 2))


@pytest.mark.parametrize('goal', [True, False])
def test_only_a_head_that_is_asked_to_looks_at_the_goal(goal) -> None:
    torch.manual_seed(0)
    head = RewardHead(ONE, RewardSettings(goal=goal, width=8))
    latent, goals = Latent(tokens(5, 1, 8)), [Latent(tokens(1, 8, seed=s)) for s in (1, 2)]
    values = [head.value(latent, each) for each in goals]
    assert values[0].shape == (5,)
    assert torch.allclose(*values) is not goal


def test_a_head_comes_back_as_it_was_saved(model, tmp_path: Path) -> None:
    heads = {
        'decoder': decoder('flat', ONE),
        'where': PositionProbe(ONE, PROBE),
        'reward': RewardHead(ONE, RewardSettings(width=8)),
    }
    for name, head in heads.items():
        save_head(tmp_path, name, head, model.contract, {'steps': 3}, {'error_m': 0.01})
    assert head_names(tmp_path) == ('decoder', 'reward', 'where')
    latent = Latent(tokens(2, 1, 8))
    loaded = load_decoder(tmp_path, model)
    assert not loaded.training
    torch.testing.assert_close(loaded.decode(latent), heads['decoder'].decode(latent))
    probe = load_head(tmp_path, 'where', model)
    torch.testing.assert_close(probe.read(latent), heads['where'].read(latent))
    reward = load_reward(tmp_path, 'reward', model.contract.fingerprint)
    torch.testing.assert_close(reward.value(latent, latent), heads['reward'].value(latent, latent))
    record = read_record(tmp_path, 'where')
    assert (record.model, record.results) == ('tiny', {'error_m': 0.01})
    assert not list((tmp_path / 'heads').glob('*.partial'))


def test_a_bundle_without_the_head_has_none(model, tmp_path: Path) -> None:
    assert load_head(tmp_path, 'decoder', model) is None
    assert load_decoder(tmp_path, model) is None
    with pytest.raises(HeadError, match="has no head 'reward'"):
        load_reward(tmp_path, 'reward', model.contract.fingerprint)


def test_a_head_never_runs_on_other_weights(model, tmp_path: Path) -> None:
    save_head(tmp_path, 'decoder', decoder('flat', ONE), model.contract, {}, {})
    torch.manual_seed(1)
    save_bundle(tmp_path, build(SMALL), SMALL)
    with pytest.raises(HeadError, match='head train decoder'):
        load_head(tmp_path, 'decoder', load_bundle(tmp_path))
    with pytest.raises(HeadError, match='other weights meanwhile'):
        save_head(tmp_path, 'decoder', decoder('flat', ONE), model.contract, {}, {})


def test_a_head_refuses_latents_of_another_shape() -> None:
    with pytest.raises(HeadError, match='reads 1 tokens of 8 numbers a frame, got 1 of 9'):
        decoder('flat', ONE).decode(Latent(tokens(2, 1, 9)))


def test_a_head_of_another_kind_is_named(model, tmp_path: Path) -> None:
    save_head(tmp_path, 'decoder', PositionProbe(ONE, PROBE), model.contract, {}, {})
    with pytest.raises(HeadError, match='is a probe, not a decoder'):
        load_decoder(tmp_path, model)
    with pytest.raises(HeadError, match='is a probe, not a reward'):
        load_reward(tmp_path, 'decoder', model.contract.fingerprint)


def _replace(path: Path, change) -> None:
    """Change the tensors of a head, and let its record know of the new file."""
    from jepa_wm_ros.worldmodel.weights import fingerprint

    weights = dict(read_weights(path))
    change(weights)
    write_weights(path, weights)
    record = path.with_suffix('.yaml')
    mapping = yaml.safe_load(record.read_text())
    record.write_text(yaml.safe_dump({**mapping, 'weights': fingerprint(path)}))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda w: w.pop('layers.0.bias'), 'missing layers.0.bias'),
        (lambda w: w.update(extra=torch.zeros(1)), 'unexpected extra'),
        (lambda w: w.update({'layers.0.bias': torch.zeros(3)}), r'layers.0.bias has shape \(3,\)'),
        (lambda w: w['layers.0.bias'].fill_(float('nan')), 'not finite: layers.0.bias'),
    ],
)
def test_damaged_weights_are_refused(model, tmp_path: Path, change, message) -> None:
    save_head(tmp_path, 'probe', PositionProbe(ONE, PROBE), model.contract, {}, {})
    _replace(tmp_path / 'heads' / 'probe.safetensors', change)
    with pytest.raises(HeadError, match=message):
        load_head(tmp_path, 'probe', model)


def test_weights_of_another_training_are_refused(model, tmp_path: Path) -> None:
    save_head(tmp_path, 'probe', PositionProbe(ONE, PROBE), model.contract, {}, {})
    path = tmp_path / 'heads' / 'probe.safetensors'
    write_weights(path, PositionProbe(ONE, PROBE).state_dict())
    with pytest.raises(HeadError, match=r'is not the file that probe\.yaml was written with'):
        load_head(tmp_path, 'probe', model)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kind': 'oracle'}, 'kind must be one of decoder, probe, reward'),
        ({'colour': 'red'}, 'unknown key colour'),
        ({'format_version': 7}, 'format_version must be 1, got 7'),
        ({'settings': {'fields': ['x'], 'mean': [0.0]}}, 'missing key settings.std'),
    ],
)
def test_a_wrong_record_is_an_error_that_names_the_key(
    model, tmp_path: Path, change, message
) -> None:
    save_head(tmp_path, 'probe', PositionProbe(ONE, PROBE), model.contract, {}, {})
    record = tmp_path / 'heads' / 'probe.yaml'
    record.write_text(yaml.safe_dump({**yaml.safe_load(record.read_text()), **change}))
    with pytest.raises(HeadError, match=message):
        load_head(tmp_path, 'probe', model)


def test_half_a_head_and_a_name_that_is_a_path_are_refused(model, tmp_path: Path) -> None:
    save_head(tmp_path, 'probe', PositionProbe(ONE, PROBE), model.contract, {}, {})
    (tmp_path / 'heads' / 'probe.safetensors').unlink()
    with pytest.raises(HeadError, match=r'probe\.safetensors is missing'):
        load_head(tmp_path, 'probe', model)
    with pytest.raises(HeadError, match='letters, digits'):
        load_head(tmp_path, '../model', model)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'layout': 'round'}, 'layout must be one of flat, grid, slots'),
        ({'layout': 'flat', 'height': 20}, 'height must be a multiple of 16'),
        ({'layout': 'flat', 'channels': (8, 8, 8, 9)}, 'multiples of 8'),
    ],
)
def test_a_decoder_that_cannot_be_built_says_why(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        DecoderSettings(**{**SMALL_PICTURE, **settings})


def test_a_grid_of_other_patches_is_refused() -> None:
    with pytest.raises(ValueError, match='rows and columns of 5 patches, got 2 x 3'):
        decoder('grid', LatentShape(tokens=5, dim=8), grid=(2, 3))
