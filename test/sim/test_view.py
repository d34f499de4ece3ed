"""What the camera sees, against drawing everything each time."""

import dataclasses

import numpy as np
import pytest

from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.sim.appearance import NOMINAL, sample_appearance

LOOKS = {
    'nominal': NOMINAL,
    'shadows': dataclasses.replace(NOMINAL, shadows=True),
    **{
        f'{variation} {seed}': dataclasses.replace(
            sample_appearance(np.random.default_rng(seed), variation),
            shadows=False,
            exposure=1.0,
            gamma=1.0,
            noise=0.0,
        )
        for variation in ('seen', 'unseen')
        for seed in range(3)
    },
}


def everything(cell):
    """Draw all of the cell as it is now, in one go."""
    simulation = cell.simulation
    simulation.render()
    view = simulation._view
    view._draw(view._everything, simulation._data)
    return view._pixels[::-1].copy()


@pytest.mark.parametrize('look', LOOKS)
def test_layers_give_the_same_pixels_as_drawing_everything(cell, look):
    simulation, rng = cell.simulation, np.random.default_rng(0)
    simulation.set_appearance(LOOKS[look])
    for _ in range(5):
        simulation.teleport(rng.uniform(FER.lower, FER.upper), gripper=rng.uniform())
        assert np.array_equal(simulation.render(), everything(cell))


def test_a_new_look_changes_what_stands_still(cell):
    cell.simulation.set_appearance(NOMINAL)
    before = cell.simulation.render()
    cell.simulation.set_appearance(LOOKS['unseen 0'])
    after = cell.simulation.render()
    assert (before != after).mean() > 0.5
    assert np.array_equal(after, everything(cell))


def test_pictures_belong_to_the_caller(cell):
    cell.simulation.set_appearance(NOMINAL)
    first = cell.simulation.render()
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(cell.simulation.render(), kept)
