"""Published files become bundles that load and predict, or an error names what is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small import SCALED, small_preset, write_files

from jepa_wm_ros.worldmodel.bundle import BundleError, load_bundle, load_contract
from jepa_wm_ros.worldmodel.probe import probe
from jepa_wm_ros.worldmodel.published.fabrication import fabricate
from jepa_wm_ros.worldmodel.published.importing import family_keys, import_checkpoint
from jepa_wm_ros.worldmodel.published.layouts import read_layout
from jepa_wm_ros.worldmodel.published.ledger import CheckpointError


@pytest.fixture
def jepa(tmp_path: Path):
    preset = small_preset('jepa_wm_wall', tmp_path)
    return preset, write_files(preset, tmp_path / 'files'), tmp_path / 'bundle'


def take(preset, paths, out):
    return import_checkpoint(preset, paths['checkpoint'], paths.get('encoder'), out)


def edit(path: Path, change) -> None:
    file = torch.load(path, weights_only=True)
    change(file)
    torch.save(file, path)


@pytest.mark.parametrize('name', SCALED)
def test_every_family_is_imported_loads_and_predicts(name: str, tmp_path: Path) -> None:
    preset = small_preset(name, tmp_path)
    report = take(preset, write_files(preset, tmp_path), tmp_path / 'bundle')
    model = load_bundle(tmp_path / 'bundle')
    assert sum(report.parameters.values()) == sum(p.numel() for p in model.parameters())
    found = probe(model)
    assert found.tokens[0] == (1 if name == 'lewm_pusht' else 4)
    contract = load_contract(tmp_path / 'bundle')
    assert (contract.name, contract.planning) == (name, preset.contract.planning)


def test_the_values_of_the_file_are_those_of_the_model(jepa) -> None:
    preset, paths, out = jepa
    take(preset, paths, out)
    published = torch.load(paths['checkpoint'], weights_only=True)
    weights = load_file(out / 'model.safetensors')
    embed = published['predictor']['module.predictor_embed.weight']
    assert torch.equal(weights['predictor.inward.weight'], embed)
    tap = published['proprio_encoder']['module.patch_embed.weight']
    assert torch.equal(weights['predictor.conditioning.proprio.weight'], tap[..., 0])


def test_what_is_left_out_has_its_reason(jepa) -> None:
    report = take(*jepa)
    assert report.ignored == {
        'state of the optimiser': 1,
        'stands for hidden patches in pre-training': 1,
    }


def test_masks_of_dino_wm_are_left_out(tmp_path: Path) -> None:
    preset = small_preset('dino_wm_wall', tmp_path)
    report = take(preset, write_files(preset, tmp_path), tmp_path / 'bundle')
    assert report.ignored['a mask of 0 and 1, which follows from the number of frames'] == 1


def test_unused_parts_of_v_jepa_2_ac_are_left_out(tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_oss', tmp_path)
    report = take(preset, write_files(preset, tmp_path), tmp_path / 'bundle')
    assert report.ignored['embeds camera poses, which no release uses'] == 2
    assert report.ignored['the positions of this encoder are rotations'] == 1


def test_the_file_of_v_jepa_2_s_makers_is_taken_with_the_state_of_its_training(
    tmp_path: Path,
) -> None:
    preset = small_preset('vjepa2_ac_oss', tmp_path)
    paths = write_files(preset, tmp_path)

    def add(file) -> None:
        file['target_encoder'] = dict(file['encoder'])
        file.update(loss=torch.zeros(()), lr=1e-4, batch_size=8, world_size=32)

    edit(paths['checkpoint'], add)
    report = take(preset, paths, tmp_path / 'bundle')
    assert report.ignored['moving average of the encoder'] == len(
        torch.load(paths['checkpoint'], weights_only=True)['encoder']
    )
    assert report.ignored['state of the training'] == 1


def test_the_other_parts_of_an_encoder_s_file_are_left_out(tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_droid', tmp_path)
    paths = write_files(preset, tmp_path)
    edit(paths['encoder'], lambda file: file.update(predictor={'module.w': torch.zeros(1)}))
    report = take(preset, paths, tmp_path / 'bundle')
    assert report.ignored['moving average of the encoder'] == 1
    assert report.ignored['predictor of the pre-training'] == 1


def test_a_converted_checkpoint_of_the_original_dino_wm_is_taken(tmp_path: Path) -> None:
    """Its modules, as state dicts: the encoder is inside, and so are a decoder and optimisers."""
    preset = small_preset('dino_wm_wall', tmp_path)
    paths = write_files(preset, tmp_path)
    file = torch.load(paths['checkpoint'], weights_only=True)
    encoder = torch.load(paths['encoder'], weights_only=True)
    file['encoder'] = {f'base_model.{key}': tensor for key, tensor in encoder.items()}
    file['decoder'] = {'dec.weight': torch.zeros(1)}
    file['predictor_optimizer'] = {'state': {0: {'exp_avg': torch.zeros(1)}}}
    torch.save(file, tmp_path / 'weights.pt')
    original = dataclasses.replace(preset, encoder=None, encoder_container='encoder')
    report = import_checkpoint(original, tmp_path / 'weights.pt', None, tmp_path / 'bundle')
    assert report.ignored['draws pictures from latents'] == 1
    assert report.ignored['state of the optimiser'] == 2
    probe(load_bundle(tmp_path / 'bundle'))


@pytest.mark.parametrize('spelling', ['state_encoder', 'proprio_encoder'])
def test_both_spellings_of_the_state_s_embedding_are_known(spelling: str, tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_oss', tmp_path)
    layout = read_layout({**preset.checkpoint.layout, 'state': spelling}, '', '')
    fabricate(layout, tmp_path / 'file.pt')
    import_checkpoint(preset, tmp_path / 'file.pt', None, tmp_path / 'bundle')


@pytest.mark.parametrize('version', [4, 5])
def test_both_spellings_of_transformers_are_known(version: int, tmp_path: Path) -> None:
    preset = small_preset('lewm_pusht', tmp_path)
    layout = read_layout({**preset.checkpoint.layout, 'transformers': version}, '', '')
    fabricate(layout, tmp_path / 'weights.pt')
    import_checkpoint(preset, tmp_path / 'weights.pt', None, tmp_path / 'bundle')


def test_an_encoder_may_come_as_its_state_dict_alone(tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_droid', tmp_path)
    paths = write_files(preset, tmp_path)
    alone = torch.load(paths['encoder'], weights_only=True)['encoder']
    torch.save(alone, paths['encoder'])
    take(preset, paths, tmp_path / 'bundle')


def test_an_encoder_beside_a_checkpoint_without_one_is_taken(tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_oss', tmp_path)
    paths = write_files(preset, tmp_path)
    encoder = tmp_path / 'encoder.pt'
    torch.save({'encoder': torch.load(paths['checkpoint'], weights_only=True)['encoder']}, encoder)
    edit(paths['checkpoint'], lambda file: file.pop('encoder'))
    with pytest.raises(CheckpointError, match='holds no encoder: name its file with --encoder'):
        take(preset, paths, tmp_path / 'bundle')
    import_checkpoint(preset, paths['checkpoint'], encoder, tmp_path / 'bundle')


def test_safetensors_are_taken_too(jepa) -> None:
    preset, paths, out = jepa
    flat = {
        f'{outer}.{key}': tensor
        for outer, inner in torch.load(paths['checkpoint'], weights_only=True).items()
        if outer in ('predictor', 'proprio_encoder')
        for key, tensor in inner.items()
    }
    paths['checkpoint'] = paths['checkpoint'].with_suffix('.safetensors')
    save_file(flat, paths['checkpoint'])
    take(preset, paths, out)
    probe(load_bundle(out))


def test_half_precision_becomes_single_without_a_change(jepa) -> None:
    preset, paths, out = jepa

    def halve(file) -> None:
        inner = file['predictor']
        file['predictor'] = {key: tensor.bfloat16() for key, tensor in inner.items()}

    edit(paths['checkpoint'], halve)
    take(preset, paths, out)
    weights = load_file(out / 'model.safetensors')
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.parametrize(
    ('role', 'change', 'words'),
    [
        (
            'checkpoint',
            lambda f: f['predictor'].pop('module.predictor_norm.bias'),
            r'1 missing: predictor\.core\.norm\.bias',
        ),
        (
            'checkpoint',
            lambda f: f['predictor'].update({'module.stranger': torch.zeros(1)}),
            r'1 unexpected: predictor\.module\.stranger',
        ),
        ('checkpoint', lambda f: f.update(ema={'w': torch.zeros(1)}), r'unexpected: ema\.w'),
        (
            'checkpoint',
            lambda f: f['predictor'].update({'module.predictor_norm.bias': torch.zeros(3)}),
            r'predictor_norm\.bias is \(3,\), predictor\.core\.norm\.bias is \(20,\)',
        ),
        ('encoder', lambda f: f.pop('norm.weight'), r'missing: vit\.norm\.weight'),
        ('encoder', lambda f: f.update(head=torch.zeros(1)), 'unexpected: head'),
    ],
)
def test_a_wrong_key_is_named(jepa, role: str, change, words: str) -> None:
    preset, paths, out = jepa
    edit(paths[role], change)
    with pytest.raises(CheckpointError, match=words) as caught:
        take(preset, paths, out)
    assert str(paths[role]) in str(caught.value)
    assert not out.exists()


def test_unknown_keys_beside_an_encoder_are_named(tmp_path: Path) -> None:
    preset = small_preset('vjepa2_ac_droid', tmp_path)
    paths = write_files(preset, tmp_path)
    edit(paths['encoder'], lambda file: file.update(stranger={'w': torch.zeros(1)}))
    with pytest.raises(CheckpointError, match=r'1 keys beside the encoder.*: stranger\.w'):
        take(preset, paths, tmp_path / 'bundle')


def test_a_family_without_published_keys_is_told_where_they_belong(jepa) -> None:
    contract = dataclasses.replace(jepa[0].contract, family='delta_wm')
    with pytest.raises(CheckpointError, match=r'belong into .*published/delta_wm\.py'):
        family_keys(contract)


def test_a_file_in_the_place_of_the_bundle_is_not_overwritten(jepa) -> None:
    preset, paths, out = jepa
    out.write_text('mine')
    with pytest.raises(BundleError, match='is a file'):
        take(preset, paths, out)
    assert out.read_text() == 'mine'


def test_a_write_that_fails_leaves_nothing_behind(jepa, monkeypatch) -> None:
    def full(path, tensors):
        path.write_bytes(b'half')
        raise OSError(28, 'No space left on device')

    preset, paths, out = jepa
    monkeypatch.setattr('jepa_wm_ros.worldmodel.bundle.write_weights', full)
    with pytest.raises(OSError, match='No space'):
        take(preset, paths, out)
    assert list(out.iterdir()) == []


def test_the_encoder_s_file_is_asked_for(jepa) -> None:
    preset, paths, out = jepa
    with pytest.raises(CheckpointError, match=r'needs its encoder.*dinov2_vits14_pretrain'):
        import_checkpoint(preset, paths['checkpoint'], None, out)


def test_an_encoder_that_nobody_needs_is_refused(tmp_path: Path) -> None:
    preset = small_preset('lewm_pusht', tmp_path)
    paths = write_files(preset, tmp_path)
    with pytest.raises(CheckpointError, match='leave --encoder out'):
        import_checkpoint(preset, paths['checkpoint'], paths['checkpoint'], tmp_path / 'bundle')


def test_another_model_s_file_is_refused(jepa, tmp_path: Path) -> None:
    preset, paths, out = jepa
    other = write_files(small_preset('lewm_pusht', tmp_path), tmp_path / 'other')
    with pytest.raises(CheckpointError, match=r'does not fit: .* unexpected: .* missing'):
        import_checkpoint(preset, other['checkpoint'], paths['encoder'], out)
