"""Where the distance from a goal comes from, on pictures whose answer is known."""

import numpy as np
import pytest
import torch
from contracts import small_contract

from jepa_wm_ros.planning.difference_map import (
    PATCHES,
    TRANSPLANT,
    difference_map,
    patch_distances,
    patch_grid,
    transplant_gains,
)
from jepa_wm_ros.planning.objectives import make_objective
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.observation import encode_picture

SIDE = 24


class Eye:
    """A world model that sees mean grey values: of each of 4 x 4 patches, or the weighted sum."""

    def __init__(self, patches, weights=None, **planning):
        self.contract = small_contract({'distance': 'l2'} | planning)
        self.patches, self.weights = patches, weights

    def encode(self, images, proprio=None):
        grey = images.mean(2)
        tokens = torch.nn.functional.avg_pool2d(grey, grey.shape[-1] // 4)
        if self.patches:
            return Latent(tokens=tokens.flatten(2)[..., None])
        weights = torch.ones(4, 4) if self.weights is None else torch.as_tensor(self.weights)
        return Latent(tokens=(tokens * weights).sum((-2, -1))[..., None, None])


def pictures(row, column):
    """A pattern, and the same with a bright object in one of 4 x 4 places."""
    goal = np.zeros((SIDE, SIDE, 3), np.uint8)
    goal[::2] = 60
    now = goal.copy()
    cell = SIDE // 4
    now[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = 255
    return now, goal


def mapped(model, now, goal):
    settings = model.contract.planning
    objective = make_objective(settings, model.contract)
    latents = encode_picture(model, now), encode_picture(model, goal)
    return difference_map(model, objective, settings, (now, goal), latents)


def peak(values):
    return np.unravel_index(values.argmax(), values.shape)


@pytest.mark.parametrize(('row', 'column'), [(0, 3), (2, 1), (3, 3)])
def test_patch_distances_peak_at_the_object_and_are_zero_elsewhere(row, column):
    found = mapped(Eye(patches=True), *pictures(row, column))
    assert found.kind == PATCHES
    assert found.values.shape == (4, 4)
    assert peak(found.values) == (row, column)
    assert np.count_nonzero(found.values) == 1
    assert found.distance == pytest.approx(found.values.mean(), rel=1e-5)


def test_patches_that_the_objective_does_not_look_at_have_no_distance():
    model = Eye(patches=True, region=(0.5, 0.0, 1.0, 1.0))
    now, goal = pictures(2, 0)
    latents = encode_picture(model, now), encode_picture(model, goal)
    assert patch_distances(*latents, (4, 4), model.contract.planning).max() == 0


@pytest.mark.parametrize(('row', 'column'), [(0, 3), (2, 1)])
def test_gains_of_models_with_one_token_peak_where_the_object_is(row, column):
    found = mapped(Eye(patches=False), *pictures(row, column))
    assert found.kind == TRANSPLANT
    high, wide = (np.array(peak(found.values)) + 0.5) / 3
    assert (int(high), int(wide)) == (row, column)
    far = found.values[(6 * (1 - row // 2)) :, :][:3, (6 * (1 - column // 2)) :][:, :3]
    assert far.max() == 0


def test_a_difference_that_the_model_does_not_mind_gains_nothing():
    weights = np.ones((4, 4), np.float32)
    weights[2, 1] = 0.0
    assert mapped(Eye(patches=False, weights=weights), *pictures(2, 1)).values.max() < 1e-6


def test_what_looks_the_same_is_not_even_encoded():
    model = Eye(patches=False)
    counted = []
    encode = model.encode

    def count(images, proprio=None):
        counted.append(len(images))
        return encode(images)

    model.encode = count
    now, goal = pictures(0, 0)
    objective = make_objective(model.contract.planning, model.contract)
    transplant_gains(model, objective, now, goal)
    few = sum(counted)
    counted.clear()
    transplant_gains(model, objective, goal, goal)
    assert sum(counted) == 2  # the two pictures themselves
    assert few < 40


def test_slots_are_no_grid_however_many_there_are():
    contract = small_contract(family='cjepa')
    model = type('Slots', (), {'contract': contract})
    assert patch_grid(model, Latent(tokens=torch.zeros(1, 4, 8))) is None
    model.contract = small_contract()
    assert patch_grid(model, Latent(tokens=torch.zeros(1, 4, 8))) == (2, 2)
    assert patch_grid(model, Latent(tokens=torch.zeros(1, 5, 8))) is None
    assert patch_grid(model, Latent(tokens=torch.zeros(1, 1, 8))) is None
