"""Collecting data: the same every time, whoever does it and however often it is interrupted."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from jepa_wm_ros.data.episodes import DatasetError, read_episodes
from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.sim import collection
from jepa_wm_ros.sim.backend import RendererError
from jepa_wm_ros.sim.exploration import Traveller, Wanderer
from jepa_wm_ros.training.recipe import Recipe, read_recipe

BOUND = np.array([0.08, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0])


@pytest.fixture
def recipe() -> Recipe:
    shipped = read_recipe(share('config', 'recipes', 'franka_cell_reach.yaml'))
    small = dataclasses.replace(shipped.collection, episodes=3, steps=2)
    return dataclasses.replace(shipped, collection=small)


@pytest.fixture
def in_parts_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, 'PART_EPISODES', 1)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def silent(done: int, total: int) -> None:
    pass


@pytest.mark.usefixtures('in_parts_of_one')
def test_an_interrupted_collection_goes_on_and_ends_the_same(
    recipe: Recipe, tmp_path: Path
) -> None:
    whole = read_episodes(collection.collect(recipe, tmp_path / 'whole.h5', 1, silent))
    assert whole.length.tolist() == [3, 3, 3]

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    cut = tmp_path / 'cut.h5'
    with pytest.raises(KeyboardInterrupt):
        collection.collect(recipe, cut, 1, interrupt)
    assert not cut.exists()
    counts: list[int] = []
    collection.collect(recipe, cut, 2, lambda done, total: counts.append(done))
    assert counts[0] >= 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ['cut.h5', 'whole.h5']
    again = read_episodes(cut)
    assert np.array_equal(whole.pixels, again.pixels)
    assert np.array_equal(whole.action, again.action, equal_nan=True)


@pytest.mark.usefixtures('in_parts_of_one')
def test_parts_of_another_recipe_are_not_mixed_in(recipe: Recipe, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / 'a.h5'
    with pytest.raises(KeyboardInterrupt):
        collection.collect(recipe, out, 1, interrupt)
    other = dataclasses.replace(recipe.collection, seed=1)
    with pytest.raises(DatasetError, match='another recipe'):
        collection.collect(dataclasses.replace(recipe, collection=other), out, 1, silent)


def test_a_renderer_that_does_not_work_ends_the_collection(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('MUJOCO_GL', 'vulkan')
    with pytest.raises(RendererError, match="'vulkan' is not supported"):
        collection.collect(recipe, tmp_path / 'a.h5', 1, silent)


def test_a_worker_that_is_killed_ends_the_collection(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, '_collect_part', die)
    with pytest.raises(DatasetError, match='a worker process died'):
        collection.collect(recipe, tmp_path / 'a.h5', 1, silent)


def test_actions_are_what_moved_the_flange(recipe: Recipe, tmp_path: Path) -> None:
    table = read_episodes(collection.collect(recipe, tmp_path / 'a.h5', 1, silent))
    moved = table.proprio[1:] - table.proprio[:-1]
    last = np.isnan(table.action[:, 0])
    assert last.nonzero()[0].tolist() == [2, 5, 8]
    wanted = np.clip(
        table.proprio[:-1] + table.action[:-1, :3], WORKSPACE_CELL.lower, WORKSPACE_CELL.upper
    )
    steps = ~last[:-1]
    assert np.abs(moved - (wanted - table.proprio[:-1]))[steps].max() < 1e-3


@pytest.mark.parametrize('seed', range(5))
def test_explorers_stay_within_the_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for explorer in (Wanderer(rng, BOUND), Traveller(rng, BOUND, WORKSPACE_CELL)):
        for _ in range(50):
            action = explorer.action(rng.uniform(-1, 1, 3))
            assert action.shape == (7,)
            assert (np.abs(action) <= BOUND + 1e-12).all()


def test_a_traveller_gets_around() -> None:
    rng = np.random.default_rng(0)
    traveller = Traveller(rng, BOUND, WORKSPACE_CELL)
    position = np.array([0.4, 0.0, 0.4])
    path = [position]
    for _ in range(200):
        path.append(path[-1] + traveller.action(path[-1])[:3])
    span = np.ptp(path, axis=0)
    assert (span > 0.7 * (WORKSPACE_CELL.upper - WORKSPACE_CELL.lower)).all()
