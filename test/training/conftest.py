"""The toy world, for every test that asks for it."""

from __future__ import annotations

import pytest
from toy_training import RECIPE, dots

from jepa_wm_ros.data.episodes import EpisodeTable
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.worldmodel.schema import read


@pytest.fixture
def recipe() -> Recipe:
    return read(Recipe, RECIPE, 'dot.yaml')


@pytest.fixture
def table() -> EpisodeTable:
    return dots()
