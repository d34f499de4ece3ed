"""What the cell looks like."""

import dataclasses

import numpy as np
import pytest

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.sim import textures
from jepa_wm_ros.sim.appearance import (
    NOMINAL,
    Appearance,
    AppearanceError,
    Surface,
    sample_appearance,
)

MIDDLE = (0.45, 0.0, 0.4)
CHANGES = {
    'table': Surface(texture='planks', colour=(0.3, 0.6, 0.3)),
    'floor': Surface(texture='speckle', colour=(0.7, 0.7, 0.7)),
    'wall': Surface(texture='brushed', colour=(0.8, 0.4, 0.4)),
    'light_direction': (1.0, 0.5, -1.0),
    'light_colour': (1.0, 0.6, 0.3),
    'light_intensity': 0.9,
    'ambient': 0.2,
    'shadows': True,
    'camera_offset_m': (0.01, 0.0, 0.0),
    'camera_rotation_rad': (0.0, 0.017, 0.0),
    'exposure': 0.7,
    'gamma': 1.5,
    'noise': 5.0,
}


@pytest.fixture(autouse=True)
def nominal_afterwards(cell):
    yield
    cell.simulation.set_appearance(NOMINAL)


def look(cell, appearance):
    return cell.reset(MIDDLE, rng=np.random.default_rng(0), appearance=appearance).image


def test_every_field_is_tested():
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Appearance)}


@pytest.mark.parametrize('field', CHANGES)
def test_every_field_changes_the_picture_and_can_be_taken_back(cell, field):
    before = look(cell, NOMINAL)
    changed = look(cell, dataclasses.replace(NOMINAL, **{field: CHANGES[field]}))
    assert np.abs(before.astype(int) - changed).max() > 10
    assert np.array_equal(look(cell, NOMINAL), before)


@pytest.mark.parametrize(
    ('offset', 'axis', 'sign'), [((0.05, 0, 0), 1, -1), ((0, 0.05, 0), 0, -1)]
)
def test_moving_the_camera_right_and_down_moves_the_picture_left_and_up(cell, offset, axis, sign):
    moved = look(cell, dataclasses.replace(NOMINAL, camera_offset_m=offset))
    nominal = look(cell, NOMINAL)
    best = min(
        range(-20, 21),
        key=lambda shift: np.abs(
            np.roll(nominal, shift, axis)[60:120, 100:220].astype(int) - moved[60:120, 100:220]
        ).mean(),
    )
    assert np.sign(best) == sign


def test_noise_differs_between_pictures_but_not_between_episodes(cell):
    noisy = dataclasses.replace(NOMINAL, noise=5.0)
    first = look(cell, noisy)
    second = cell.observe().image
    assert not np.array_equal(first, second)
    assert np.array_equal(look(cell, noisy), first)
    assert np.std(first.astype(float) - look(cell, NOMINAL)) == pytest.approx(5.0, abs=1.0)


def test_brightness_goes_with_exposure(cell):
    bright, dark = (
        look(cell, dataclasses.replace(NOMINAL, exposure=exposure)).mean()
        for exposure in (1.3, 0.7)
    )
    assert bright > 1.4 * dark


def test_the_gripper_is_seen_in_the_centre_square_everywhere_in_the_workspace(cell):
    corners = np.stack(
        np.meshgrid(*zip(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper, strict=True)), axis=-1
    ).reshape(-1, 3)
    for corner in corners:
        opened, closed = (cell.picture_at(corner, gripper=closedness) for closedness in (0, 1))
        changed = np.abs(opened.astype(int) - closed).max(axis=2) > 30
        assert changed[:, 70:250].sum() > 40
        assert not changed[:, :70].any()
        assert not changed[:, 250:].any()


@pytest.mark.parametrize('variation', ['seen', 'unseen'])
def test_a_seed_gives_one_appearance(variation):
    first, second, other = (
        sample_appearance(np.random.default_rng(seed), variation) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_unseen_looks_share_no_texture_and_no_light_with_seen_ones():
    generator = np.random.default_rng(0)
    seen, unseen = (
        [sample_appearance(generator, variation) for _ in range(200)]
        for variation in ('seen', 'unseen')
    )
    used = [
        {getattr(look, name).texture for look in looks for name in ('table', 'floor', 'wall')}
        for looks in (seen, unseen)
    ]
    assert used == [set(textures.SEEN), set(textures.UNSEEN)]
    assert max(look.noise for look in seen) <= min(look.noise for look in unseen)
    assert max(look.ambient for look in unseen) <= min(look.ambient for look in seen)
    assert {look.shadows for look in seen} == {True, False}


@pytest.mark.parametrize('variation', ['seen', 'unseen'])
def test_the_camera_moves_at_most_a_centimetre_and_a_degree(variation):
    generator = np.random.default_rng(0)
    for _ in range(200):
        appearance = sample_appearance(generator, variation)
        assert np.abs(appearance.camera_offset_m).max() <= 0.01
        assert np.abs(appearance.camera_rotation_rad).max() <= np.radians(1)


def test_unknown_variation_is_refused_with_the_known_ones():
    with pytest.raises(AppearanceError, match='seen, unseen'):
        sample_appearance(np.random.default_rng(0), 'both')


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('exposure', 0.0),
        ('noise', -1.0),
        ('ambient', float('nan')),
        ('camera_offset_m', (0.5, 0, 0)),
        ('light_direction', (0.0, 0.0, 0.0)),
    ],
)
def test_values_that_cannot_be_rendered_are_refused_by_name(field, value):
    with pytest.raises(AppearanceError, match=field):
        dataclasses.replace(NOMINAL, **{field: value})


def test_unknown_texture_is_refused_with_the_known_ones():
    with pytest.raises(AppearanceError, match='checker'):
        Surface(texture='velvet', colour=(0, 0, 0))


@pytest.mark.parametrize('name', textures.NAMES)
def test_textures_repeat_without_a_seam(name):
    picture = textures.texture(name)[..., 0].astype(int)
    assert picture.shape == (textures.SIZE, textures.SIZE)
    assert picture.std() > 1
    if name not in ('checker', 'stripes', 'planks', 'tiles'):
        for axis in (0, 1):
            steps = np.abs(np.diff(picture, axis=axis))
            seam = np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis))
            assert seam.mean() <= 3 * steps.mean() + 1
