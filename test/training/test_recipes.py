"""Every shipped recipe can be read, and its training settings fit its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from jepa_wm_ros.paths import share
from jepa_wm_ros.training.criteria import criterion_for
from jepa_wm_ros.training.recipe import read_recipe
from jepa_wm_ros.training.team import ALONE
from jepa_wm_ros.worldmodel.building import build_empty
from jepa_wm_ros.worldmodel.families import families
from jepa_wm_ros.worldmodel.schema import SchemaError

RECIPES = sorted(share('config', 'recipes').glob('*.yaml'))


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_fits_its_model(path: Path) -> None:
    recipe = read_recipe(path)
    criterion_for(build_empty(recipe.model, path), recipe.training, ALONE)
    assert recipe.model.results == {}


def test_all_families_have_a_recipe_for_the_cell_and_a_published_one() -> None:
    named = {(path.stem.startswith('cell_'), read_recipe(path).model.family) for path in RECIPES}
    for family in families():
        assert {(True, family), (False, family)} <= named


def test_a_recipe_says_only_how_it_differs_from_its_base(tmp_path: Path) -> None:
    base = share('config', 'recipes', 'franka_cell_reach.yaml')
    (tmp_path / 'base.yaml').write_text(base.read_text())
    (tmp_path / 'mine.yaml').write_text('base: base.yaml\ntraining: {batch: 8}\n')
    mine, shipped = read_recipe(tmp_path / 'mine.yaml'), read_recipe(base)
    assert mine.training.batch == 8
    assert mine.with_training(batch=shipped.training.batch) == shipped


def test_a_recipe_that_is_its_own_base_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text('base: mine.yaml\n')
    with pytest.raises(SchemaError, match='base must be another recipe'):
        read_recipe(path)


def test_a_decay_without_its_length_is_refused(tmp_path: Path) -> None:
    base = share('config', 'recipes', 'franka_cell_reach.yaml')
    path = tmp_path / 'mine.yaml'
    (tmp_path / 'base.yaml').write_text(base.read_text())
    path.write_text('base: base.yaml\ntraining: {schedule: wsd}\n')
    with pytest.raises(SchemaError, match=r'mine\.yaml: training: decay_steps'):
        read_recipe(path)
