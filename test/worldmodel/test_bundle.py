"""A bundle is what its contract says, or it is refused by name of file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from jepa_wm_ros.worldmodel.bundle import BundleError, load_bundle, load_contract, save_bundle
from jepa_wm_ros.worldmodel.families import build


@pytest.fixture
def bundle(tmp_path: Path, small_contract) -> Path:
    torch.manual_seed(0)
    return save_bundle(tmp_path / 'bundle', build(small_contract), small_contract)


def edit(bundle: Path, change) -> None:
    path = bundle / 'model.yaml'
    mapping = yaml.safe_load(path.read_text())
    change(mapping)
    path.write_text(yaml.safe_dump(mapping))


def test_what_is_saved_is_what_is_loaded(bundle: Path, small_contract) -> None:
    torch.manual_seed(0)
    original = build(small_contract).eval()
    loaded = load_bundle(bundle)
    images = torch.randn(2, 1, 3, 16, 16)
    assert torch.equal(loaded.encode(images).tokens, original.encode(images).tokens)
    assert loaded.contract.action == small_contract.action
    assert len(loaded.contract.fingerprint) == 12
    assert not loaded.training


def test_nothing_partial_is_left_behind(bundle: Path) -> None:
    assert sorted(p.name for p in bundle.iterdir()) == ['model.safetensors', 'model.yaml']


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda m: m.pop('action'), 'missing key action'),
        (lambda m: m.update(colour='rgb'), 'unknown key colour'),
        (lambda m: m['camera'].pop('width'), 'missing key camera.width'),
        (lambda m: m['camera'].update(crop='left'), 'center_square'),
        (lambda m: m['camera'].update(width='96'), 'camera.width must be int'),
        (lambda m: m.update(family='gpt'), 'family must be one of cjepa, dino_wm'),
        (lambda m: m.update(format_version=99), 'format_version must be 1'),
        (lambda m: m['action'].update(step_duration_s=0.0), 'step_duration_s must be positive'),
        (lambda m: m['action'].update(lower=[0.0]), 'lower must have 7 entries'),
        (lambda m: m['architecture'].update(depth=3), 'unknown key architecture.depth'),
        (lambda m: m['planning'].update(elites=10**6), 'elites'),
        (lambda m: m['architecture']['encoder'].update(embed_dim=32), 'encoder.head.weight'),
    ],
)
def test_a_wrong_contract_is_named(bundle: Path, change, words: str) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=words.replace('.', r'\.')):
        load_bundle(bundle)


def test_a_missing_weight_is_named(bundle: Path) -> None:
    path = bundle / 'model.safetensors'
    weights = load_file(path)
    del weights['encoder.head.bias']
    weights['stranger'] = torch.zeros(1)
    save_file(weights, path)
    with pytest.raises(BundleError, match=r'missing encoder\.head\.bias; unexpected stranger'):
        load_bundle(bundle)


def test_weights_that_are_not_finite_are_refused(bundle: Path) -> None:
    path = bundle / 'model.safetensors'
    weights = load_file(path)
    weights['encoder.head.bias'][0] = float('nan')
    save_file(weights, path)
    with pytest.raises(BundleError, match=r'not finite: encoder\.head\.bias'):
        load_bundle(bundle)


def test_a_truncated_file_is_refused(bundle: Path) -> None:
    path = bundle / 'model.safetensors'
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BundleError, match='damaged'):
        load_bundle(bundle)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'model\.yaml is missing'):
        load_contract(tmp_path)
