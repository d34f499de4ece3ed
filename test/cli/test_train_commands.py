"""`jepa-wm collect` and `jepa-wm train`: from a recipe to a bundle that plans."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import yaml

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.bundle import load_bundle

SHIPPED = share('config', 'recipes', 'franka_cell_reach.yaml')


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe as the shipped one, but over in seconds; the working folder is empty."""
    mapping = yaml.safe_load(SHIPPED.read_text())
    mapping['model']['name'] = 'tiny'
    mapping['collection'].update(episodes=4, steps=6)
    mapping['training'].update(
        steps=4, batch=2, sigreg_directions=8, warmup_steps=1, validation=0.5, checkpoint_every=2
    )
    path = tmp_path / 'tiny.yaml'
    path.write_text(yaml.safe_dump(mapping))
    monkeypatch.chdir(tmp_path)
    return path


def test_from_a_recipe_to_a_bundle(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['collect', str(recipe), '--workers', '1']) == 0
    assert 'datasets/tiny.h5' in capsys.readouterr().out
    assert main(['train', str(recipe), '--threads', '1', '--seed', '7']) == 0
    assert 'models/tiny' in capsys.readouterr().out
    contract = load_bundle('models/tiny').contract
    assert contract.name == 'tiny'
    assert contract.results['training_seed'] == 7
    assert sorted(p.name for p in Path('models/tiny').iterdir()) == [
        'model.safetensors',
        'model.yaml',
    ]


def test_a_dataset_is_not_overwritten(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path('datasets').mkdir()
    Path('datasets/tiny.h5').write_bytes(b'precious')
    assert main(['collect', str(recipe)]) == 1
    assert 'exists already' in capsys.readouterr().out
    assert Path('datasets/tiny.h5').read_bytes() == b'precious'


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['collect', 'none.yaml'], 'none.yaml is missing; the recipes are in config/recipes/'),
        (['train', 'none.yaml'], 'none.yaml is missing'),
        (['train', 'tiny.yaml'], 'datasets/tiny.h5 is missing; `jepa-wm collect`'),
        (['train', 'tiny.yaml', '--steps', '0'], 'steps must be at least 1, got 0'),
    ],
)
def test_wrong_input_is_one_clear_line(
    recipe: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) != 0
    said = capsys.readouterr()
    assert words in ' '.join((said.out + said.err).split())
    assert 'Traceback' not in said.err


def test_a_wrong_key_in_a_recipe_is_named(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(recipe.read_text().replace('batch:', 'bach:'))
    assert main(['train', str(recipe)]) != 0
    assert 'unknown key training.bach' in ' '.join(capsys.readouterr().err.split())


def test_a_full_disk_is_one_clear_line(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device', 'datasets/tiny.h5')

    monkeypatch.setattr('jepa_wm_ros.sim.collection.join_parts', full)
    assert main(['collect', str(recipe), '--workers', '1']) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert said.endswith(
        'No space left on device (datasets/tiny.h5): make room, or write elsewhere with --out'
    )
    parts = list(Path('datasets/tiny.h5.parts').glob('*.npz'))
    assert len(parts) == 1, 'what was collected is kept'
