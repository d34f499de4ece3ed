"""The presets are complete, and their sizes are the published ones."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from small import write_small_preset

from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.building import build_empty
from jepa_wm_ros.worldmodel.published.fabrication import fabricate
from jepa_wm_ros.worldmodel.published.layouts import read_layout
from jepa_wm_ros.worldmodel.published.presets import PresetError, load_preset, preset_names
from jepa_wm_ros.worldmodel.words import contract_words

WORLDS = ('droid', 'metaworld', 'pusht', 'pointmaze', 'wall')
NAMES = {
    *(f'jepa_wm_{world}' for world in WORLDS),
    *(f'dino_wm_{world}' for world in WORLDS),
    'vjepa2_ac_droid',
    'vjepa2_ac_oss',
    *(f'lewm_{world}' for world in ('pusht', 'cube', 'tworooms', 'reacher')),
    'cjepa_pusht',
}
NO_PARAMETERS = ('running_mean', 'running_var', 'num_batches_tracked', 'periods', 'bias_mask')
UNUSED = ('extrinsics_encoder', 'encoder.module.backbone.pos_embed')


@pytest.fixture(scope='module', params=sorted(NAMES))
def preset(request):
    return load_preset(request.param)


def test_the_presets_are_all_there() -> None:
    assert set(preset_names()) == NAMES


@pytest.mark.parametrize(
    ('name', 'part', 'count'),
    [
        ('jepa_wm_metaworld', 'predictor', 17_630_480),
        ('jepa_wm_droid', 'predictor', 228_835_328),
        ('dino_wm_metaworld', 'predictor', 21_303_024),
        ('vjepa2_ac_droid', 'predictor', 305_205_632),
        ('vjepa2_ac_droid', 'encoder', 1_012_173_952),
        ('vjepa2_ac_oss', 'predictor', 305_213_824),
        ('vjepa2_ac_oss', 'encoder', 1_012_173_952),
        ('lewm_pusht', 'encoder', 5_501_376),
        ('lewm_pusht', 'predictor', 10_791_360),
        ('lewm_pusht', 'action_encoder', 156_206),
    ],
)
def test_parameters_are_as_published(name: str, part: str, count: int) -> None:
    assert load_preset(name).parameters[part] == count


def test_leworldmodel_has_its_published_number_of_parameters_and_tensors() -> None:
    preset = load_preset('lewm_pusht')
    assert sum(preset.parameters.values()) == 18_034_478
    assert len(preset.layout('checkpoint').specs()) == 303


def test_the_model_has_as_many_parameters_as_the_files_give(preset) -> None:
    model = build_empty(preset.contract)
    count = sum(p.numel() for p in model.parameters() if p.is_floating_point())
    periods = sum(p.numel() for name, p in model.named_parameters() if 'periods' in name)
    assert count - periods == sum(preset.parameters.values())


def test_the_files_hold_the_parameters_and_what_is_known_to_be_unused(preset) -> None:
    count = 0
    for role in preset.files:
        for name, spec in preset.layout(role).specs().items():
            mask = name.startswith('predictor') and len(spec.shape) == 4 and spec.fill == 'ones'
            if name != 'mask_token' and not (
                name.endswith(NO_PARAMETERS) or any(word in name for word in UNUSED) or mask
            ):
                count += math.prod(spec.shape)
    assert count == sum(preset.parameters.values())


def test_contracts_can_be_said_in_words(preset) -> None:
    words = dict(contract_words(preset.contract))
    assert preset.name in words['model']
    assert preset.contract.licence in words['origin']
    assert (
        'not for the robot nodes' in words['actions']
    ) is not preset.contract.action.is_cartesian


def test_droid_presets_are_for_the_arm_and_no_others(preset) -> None:
    arm = preset.name.endswith(('droid', 'oss'))
    assert preset.contract.action.is_cartesian is arm


def test_simulated_worlds_search_with_one_deviation_around_the_centre(preset) -> None:
    contract = preset.contract
    if contract.action.is_cartesian:
        return
    action, planning = contract.action, contract.planning
    assert planning.initial_mean == 'centre'
    for low, high, mean, std, share_of_half in zip(
        action.lower, action.upper, action.mean, action.std, planning.initial_std, strict=True
    ):
        assert (low + high) / 2 == pytest.approx(mean, abs=1e-9)
        assert share_of_half * (high - low) / 2 == pytest.approx(std)


def test_the_published_search_of_droid_draws_a_tenth() -> None:
    contract = load_preset('jepa_wm_droid').contract
    std = [
        part * (high - low) / 2
        for part, low, high in zip(
            contract.planning.initial_std,
            contract.action.lower,
            contract.action.upper,
            strict=True,
        )
    ]
    assert std == pytest.approx([0.1] * 7)


@pytest.mark.parametrize(
    ('case', 'layout'),
    [
        (
            'jepawm_adaln_sim',
            {
                'system': 'jepa_wm',
                'encoder_dim': 48,
                'width': 34,
                'action': 10,
                'proprio': 4,
                'proprio_dim': 16,
                'depth': 3,
            },
        ),
        (
            'dinowm_ftcond',
            {
                'system': 'dino_wm',
                'encoder_dim': 32,
                'action': 10,
                'action_dim': 10,
                'proprio': 4,
                'proprio_dim': 10,
                'depth': 2,
                'inner': 128,
                'mlp': 96,
                'tokens': 64,
            },
        ),
        (
            'vjepa2ac_prop',
            {
                'system': 'vjepa2_ac',
                'encoder_dim': 44,
                'width': 64,
                'depth': 2,
                'state': 'state_encoder',
                'extrinsics': True,
            },
        ),
        (
            'vjepa2_encoder',
            {'system': 'vjepa2', 'dim': 44, 'depth': 2, 'mlp': 192, 'positions': 36},
        ),
        ('dinov2_encoder', {'system': 'dinov2', 'dim': 48, 'depth': 2, 'grid': 7}),
        ('dinov3_encoder', {'system': 'dinov3', 'dim': 48, 'depth': 2, 'heads': 2}),
        (
            'lewm',
            {
                'system': 'lewm',
                'action': 10,
                'dim': 48,
                'depth': 2,
                'mlp': 192,
                'patches': 9,
                'layers': 2,
                'inner': 96,
                'predictor_mlp': 96,
                'hidden': 64,
            },
        ),
        (
            'cjepa',
            {'system': 'cjepa', 'action': 10, 'proprio': 4, 'dim': 48, 'depth': 2, 'mlp': 128},
        ),
    ],
)
def test_layouts_are_those_of_the_reference_implementations(case: str, layout: dict) -> None:
    folder = Path(__file__).parents[1] / 'data/parity' / case
    recorded = json.loads((folder / 'case.json').read_text())['tensors']
    wanted = {
        name.removeprefix('weights/').replace('/', '.'): tuple(tensor['shape'])
        for name, tensor in recorded.items()
        if name.startswith('weights/')
    }
    specs = read_layout(layout, case, 'layout').specs()
    assert {name: spec.shape for name, spec in specs.items()} == wanted


def test_fabricated_weights_depend_on_the_seed_alone(tmp_path: Path) -> None:
    layout = read_layout({'system': 'cjepa', 'action': 2, 'proprio': 2, 'dim': 8}, '', '')
    files = [tmp_path / name for name in ('a.pt', 'b.pt', 'c.pt')]
    for path, seed in zip(files, (0, 0, 1), strict=True):
        fabricate(layout, path, seed=seed)
    first, same, other = (torch.load(path, weights_only=True) for path in files)
    assert all(torch.equal(first[name], same[name]) for name in first)
    name = 'model.predictor.to_out.weight'
    assert not torch.equal(first[name], other[name])


def test_an_unknown_preset_is_named_with_those_that_exist() -> None:
    with pytest.raises(PresetError, match=r"no preset 'jepa'; there are: cjepa_pusht, "):
        load_preset('jepa')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda m: m.pop('checkpoint'), 'missing key checkpoint'),
        (lambda m: m.update(colour='red'), 'unknown key colour'),
        (lambda m: m.update(source='here'), 'unknown key source'),
        (lambda m: m['checkpoint'].update(repo='', url=''), 'one of repo, url and terms'),
        (lambda m: m['checkpoint']['layout'].update(system='gpt'), 'layout.system must be one of'),
        (
            lambda m: m['checkpoint']['layout'].update(heads=3),
            'unknown key checkpoint.layout.heads',
        ),
        (lambda m: m['contract'].update(name='other'), 'contract.name must be jepa_wm_wall'),
        (lambda m: m['contract']['camera'].update(crop='left'), 'crop must be one of'),
        (lambda m: m.update(encoder_container='encoder'), 'exclude each other'),
    ],
)
def test_a_wrong_preset_is_refused_by_key(tmp_path: Path, change, words: str) -> None:
    path = write_small_preset('jepa_wm_wall', tmp_path)
    mapping = yaml.safe_load(path.read_text())
    change(mapping)
    path.write_text(yaml.safe_dump(mapping))
    with pytest.raises(PresetError, match=words.replace('.', r'\.')) as caught:
        load_preset(str(path))
    assert str(path) in str(caught.value)


def test_a_preset_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match='cannot be read'):
        load_preset(str(tmp_path / 'nothing.yaml'))
    (tmp_path / 'bad.yaml').write_text('a: [')
    with pytest.raises(PresetError, match='not valid YAML'):
        load_preset(str(tmp_path / 'bad.yaml'))


def test_presets_are_installed_with_the_package() -> None:
    assert (share('config', 'models') / 'jepa_wm_droid.yaml').is_file()


def test_camera_rules_differ_where_the_makers_do() -> None:
    imagenet = load_preset('jepa_wm_metaworld').contract.camera
    half = load_preset('dino_wm_metaworld').contract.camera
    assert half.mean == half.std == (0.5, 0.5, 0.5)
    assert dataclasses.replace(half, mean=imagenet.mean, std=imagenet.std) == imagenet
    assert load_preset('lewm_pusht').contract.camera.resize == 'bilinear_antialias'
