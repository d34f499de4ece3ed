"""Masks: which object each pixel of a picture shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from jepa_wm_ros.data.episodes import read_episodes
from jepa_wm_ros.paths import share
from jepa_wm_ros.sim.appearance import sample_appearance
from jepa_wm_ros.sim.collection import collect
from jepa_wm_ros.sim.simulation import CellSimulation, SimulationError
from jepa_wm_ros.sim.view import OBJECTS
from jepa_wm_ros.training.recipe import read_recipe
from jepa_wm_ros.worldmodel.camera import fit_mask, fit_picture
from jepa_wm_ros.worldmodel.contract import CameraContract


@pytest.fixture
def simulation():
    with CellSimulation() as cell:
        yield cell


def test_all_objects_are_seen_and_looks_do_not_matter(simulation) -> None:
    plain = simulation.objects()
    assert plain.shape == simulation.render().shape[:2]
    shares = [(plain == number).mean() for number in range(len(OBJECTS))]
    assert min(shares) > 0.003
    assert max(shares) < 0.8
    look = dataclasses.replace(
        sample_appearance(np.random.default_rng(0), 'seen'),
        camera_offset_m=(0.0, 0.0, 0.0),
        camera_rotation_rad=(0.0, 0.0, 0.0),
    )
    simulation.set_appearance(look)
    assert np.array_equal(simulation.objects(), plain)


def test_looking_at_objects_leaves_the_pictures_as_they_are(simulation) -> None:
    simulation.reseed(3)
    before = simulation.render()
    simulation.objects()
    simulation.reseed(3)
    assert np.array_equal(simulation.render(), before)


def test_what_moves_is_the_arm_and_its_gripper(simulation) -> None:
    before, picture = simulation.objects(), simulation.render().astype(int)
    joints = simulation.joint_positions
    joints[0] += 0.3
    simulation.teleport(joints)
    after = simulation.objects()
    changed = np.abs(simulation.render().astype(int) - picture).sum(-1) > 120
    arm = (before >= OBJECTS.index('arm')) | (after >= OBJECTS.index('arm'))
    assert changed.sum() > 500
    assert arm[changed].mean() > 0.9


def test_a_simulation_without_eyes_says_so() -> None:
    with CellSimulation(render=False) as blind, pytest.raises(SimulationError, match='renderer'):
        blind.objects()


def test_masks_are_cut_as_their_pictures() -> None:
    camera = CameraContract(width=8, height=8)
    mask = np.zeros((32, 48), np.uint8)
    mask[4:12, 20:28] = 3
    picture = np.repeat(80 * mask[..., None], 3, -1)
    fitted = fit_mask(mask, camera)
    assert set(np.unique(fitted)) == {0, 3}
    assert np.array_equal(fitted * 80, fit_picture(picture, camera)[..., 0])


def test_collected_masks_are_in_the_dataset(tmp_path: Path) -> None:
    recipe = read_recipe(share('config', 'recipes', 'cell_cjepa_masks.yaml'))
    small = dataclasses.replace(recipe.collection, episodes=2, steps=1)
    out = collect(
        dataclasses.replace(recipe, collection=small), tmp_path / 'a.h5', 1, lambda done, n: None
    )
    table = read_episodes(out)
    assert table.masks is not None
    assert table.masks.shape == table.pixels.shape[:3]
    assert table.provenance['masks'] == list(OBJECTS)
    gripper = table.masks == OBJECTS.index('gripper')
    assert gripper.any(axis=(1, 2)).all()
