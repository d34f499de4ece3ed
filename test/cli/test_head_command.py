"""`jepa-wm head`: train, list and draw, as their user types it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from toy_training import dots, recipe_of

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.training.trainer import begin
from jepa_wm_ros.worldmodel.bundle import save_bundle


@pytest.fixture
def data(tmp_path: Path) -> Path:
    table, path = dots(), tmp_path / 'dots.h5'
    with h5py.File(path, 'w') as file:
        for name in ('pixels', 'action', 'proprio'):
            file[name] = getattr(table, name)
        file['ep_offset'], file['ep_len'] = table.offset, table.length
        file['success'] = (np.arange(20) % 2).astype(np.float32)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    recipe = recipe_of('dino_wm')
    return save_bundle(tmp_path / 'model', begin(recipe), recipe.model)


def train(bundle: Path, data: Path, kind: str, *more: str) -> int:
    steps = ['--steps', '4', '--batch', '8', '--threads', '1']
    picture = ['--picture', str(bundle.parent / f'{kind}.png')]
    where = ['--model', str(bundle), '--data', str(data)]
    return main(['head', 'train', kind, *where, *steps, *picture, *more])


@pytest.mark.parametrize(
    ('kind', 'more', 'said'),
    [
        ('decoder', (), 'average picture psnr db'),
        ('probe', (), 'rmse m: x'),
        ('probe', ('--hidden', '8'), 'position rmse m'),
        ('reward', ('--reach', '0.03'), 'auc'),
        ('reward', ('--discount', '0.9'), 'accuracy'),
        ('reward', ('--region', '0.08', '0.08', '0', '0.03'), 'cross entropy'),
    ],
)
def test_a_head_is_trained_listed_and_drawn(bundle, data, capsys, kind, more, said) -> None:
    import cv2

    assert train(bundle, data, kind, *more) == 0
    out = capsys.readouterr().out
    assert said in out
    assert str(bundle / 'heads' / f'{kind}.yaml') in out.replace('\n', '')
    assert cv2.imread(str(bundle.parent / f'{kind}.png')).std() > 5
    assert main(['head', 'list', '--model', str(bundle)]) == 0
    assert said in capsys.readouterr().out


def test_a_head_of_other_weights_is_listed_as_such(bundle, data, capsys) -> None:
    assert train(bundle, data, 'probe') == 0
    recipe = recipe_of('dino_wm', seed=5)
    save_bundle(bundle, begin(recipe), recipe.model)
    capsys.readouterr()
    assert main(['head', 'list', '--model', str(bundle)]) == 0
    assert 'train it again' in capsys.readouterr().out.replace('\n', ' ')


def test_a_decoder_is_drawn_again_and_a_missing_one_is_an_error(bundle, data, capsys) -> None:
    show = ['head', 'show', '--model', str(bundle), '--data', str(data)]
    picture = bundle.parent / 'again.png'
    assert main([*show, '--picture', str(picture)]) == 1
    assert "has no head 'decoder'" in capsys.readouterr().err
    assert train(bundle, data, 'decoder') == 0
    assert main([*show, '--picture', str(picture)]) == 0
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(
    ('kind', 'more', 'said'),
    [
        ('reward', ('--reach', '-1'), 'reach must be positive'),
        ('reward', ('--reach', '1', '--region', '0', '0', '0', '1'), 'exclude each other'),
        ('decoder', ('--batch', '0'), 'batch must be at least 1'),
        ('probe', ('--name', '../x'), 'letters, digits'),
    ],
)
def test_wrong_arguments_are_one_line(bundle, data, capsys, kind, more, said) -> None:
    assert train(bundle, data, kind, *more) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
