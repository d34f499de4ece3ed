"""DROID, LeRobot and HDF5 give the same motion as was written."""

import itertools
import json

import numpy as np
import pytest
from fabricated import (
    cartesian_at,
    joints_at,
    number_of,
    picture,
    pose_at,
    write_droid,
    write_lerobot,
)

from jepa_wm_ros.robot.poses import pose_difference


def expected_actions(stamps):
    poses = [pose_at(stamp) for stamp in stamps]
    return [pose_difference(now, then) for now, then in itertools.pairwise(poses)]


def test_droid_frames_go_by_time_stamps_not_by_the_header_of_the_video(build, tmp_path):
    write_droid(tmp_path / 'droid')
    table, audit = build(tmp_path / 'droid')
    taken = [number_of(p) for p in table.pixels]
    # stamps are rounded to 0.2 ms: which of two neighbours is nearer may vary
    assert np.abs(np.diff(taken) - 6).max() <= 1
    assert audit.steps.measured_s[2] == pytest.approx(0.4, abs=0.01)
    stamps = np.array(taken) / 15
    np.testing.assert_allclose(table.action[:-1, :6], expected_actions(stamps), atol=1e-5)


def test_droid_states_are_those_of_the_moment_when_the_picture_was_taken(build, tmp_path):
    # ZED pictures are 41 ms older than the robot's state of the same row
    write_droid(tmp_path / 'droid', read_after_s=0.041)
    table, _ = build(tmp_path / 'droid')
    taken = np.array([number_of(p) for p in table.pixels]) / 15 - 0.041
    assert taken[0] > 0
    expected = [pose_at(stamp).position for stamp in taken]
    np.testing.assert_allclose(table.proprio[:, :3], expected, atol=2e-4)


def test_the_nominal_rate_of_droid_gives_steps_of_a_second(build, tmp_path):
    # the header says 60 frames a second, so "4 fps" takes every 15th of a 15 Hz camera
    write_droid(tmp_path / 'droid')
    table, audit = build(tmp_path / 'droid', nominal_fps=4.0)
    assert [number_of(p) for p in table.pixels] == [0, 15, 30, 45]
    assert audit.steps.measured_s[2] == pytest.approx(1.0, abs=1e-3)


def test_a_bag_has_no_nominal_rate(build, tmp_path):
    from fabricated import write_bag

    write_bag(tmp_path / 'bag')
    _, audit = build(tmp_path / 'bag', nominal_fps=4.0)
    assert 'leave it out to go by time stamps' in audit.facts[0].dropped


def test_droid_without_time_stamps_is_taken_to_be_15_hz_and_noted(build, tmp_path):
    write_droid(tmp_path / 'droid', stamps=False)
    table, audit = build(tmp_path / 'droid')
    assert np.abs(np.diff([number_of(p) for p in table.pixels]) - 6).max() <= 1
    assert '15 Hz' in audit.facts[0].note


def test_a_droid_camera_may_be_named_by_its_serial_number(build, tmp_path):
    write_droid(tmp_path / 'droid', serial='999')
    table, _ = build(tmp_path / 'droid', camera='999')
    assert table.length.tolist() == [10]
    _, audit = build(tmp_path / 'droid', camera='wrist', out='other.h5')
    assert 'no wrist_mp4_path' in audit.facts[0].dropped


def test_only_the_left_eye_of_a_stereo_video_is_taken(build, tmp_path):
    write_droid(tmp_path / 'droid', size=(48, 128))
    (mono,) = (tmp_path / 'droid').rglob('*.mp4')
    mono.rename(mono.with_name(f'{mono.stem}-stereo.mp4'))
    table, _ = build(tmp_path / 'droid')
    # the brightness of the texture runs from left to right: half of it is left
    assert table.pixels[0, 2, :, 0].max() < 140


@pytest.mark.parametrize('by_joints', [False, True])
def test_lerobot_episodes_of_one_video_are_told_apart(build, tmp_path, by_joints):
    write_lerobot(tmp_path / 'lerobot', (30, 40), by_joints=by_joints)
    table, _ = build(tmp_path / 'lerobot', camera='exterior_1_left')
    assert table.length.tolist() == [5, 7]
    assert [number_of(p) for p in table.pixels[5:7]] == [30, 36]
    if by_joints:
        from jepa_wm_ros.robot.kinematics import Kinematics

        start = Kinematics().forward(joints_at(0.0)).position
        np.testing.assert_allclose(table.proprio[5, :3], start, atol=1e-6)
        assert (table.proprio[:, 6] == 0.25).all()
    else:
        np.testing.assert_allclose(table.proprio[5, :5], cartesian_at(0.0)[:5], atol=1e-5)
        np.testing.assert_allclose(table.action[5:11, 5], 0.08, atol=0.02)


def test_a_lerobot_camera_that_is_not_there_is_named_with_those_that_are(build, tmp_path):
    write_lerobot(tmp_path / 'lerobot')
    _, audit = build(tmp_path / 'lerobot', camera='wrist')
    assert "'wrist'; there are: exterior_1_left" in audit.facts[0].dropped


def write_steps(path, *, lengths=(9, 13), step_s=None, width=7, proprio=None, chw=False):
    """Write a dataset with steps in it, as stable-worldmodel does."""
    import h5py

    rng = np.random.default_rng(0)
    total = sum(lengths)
    action = rng.uniform(-0.05, 0.05, (total, width)).astype(np.float32)
    action[np.cumsum(lengths) - 1] = np.nan
    pixels = np.stack([picture(number) for number in range(total)])
    with h5py.File(path, 'w') as file:
        file['pixels'] = np.moveaxis(pixels, -1, 1) if chw else pixels
        file['action'] = action
        fields = proprio or ('x', 'y', 'z')
        file['proprio'] = np.arange(total)[:, None] + np.arange(len(fields)) / 10
        file['ep_len'] = np.array(lengths, np.int32)
        file['ep_offset'] = np.cumsum([0, *lengths[:-1]])
        provenance = {} if step_s is None else {'step_duration_s': step_s}
        if proprio:
            provenance['proprio'] = list(proprio)
        file.attrs['provenance'] = json.dumps(provenance)
    return action


@pytest.mark.parametrize('chw', [False, True])
def test_steps_of_the_wanted_length_are_copied(build, tmp_path, chw):
    action = write_steps(tmp_path / 'steps.h5', step_s=0.4, chw=chw)
    table, audit = build(tmp_path / 'steps.h5')
    assert table.length.tolist() == [9, 13]
    np.testing.assert_array_equal(table.action, action)
    assert [number_of(p) for p in table.pixels[[0, 9, 10]]] == [0, 9, 10]
    assert audit.sources.recordings == 2


def test_longer_steps_compose_the_actions(build, tmp_path):
    from jepa_wm_ros.robot.poses import Pose, apply_action

    action = write_steps(tmp_path / 'steps.h5', step_s=0.1).astype(float)
    table, _ = build(tmp_path / 'steps.h5')
    assert table.length.tolist() == [3, 4]
    assert [number_of(p) for p in table.pixels[:3]] == [0, 4, 8]
    pose = Pose.identity()
    for row in action[4:8]:
        pose = apply_action(pose, row)
    np.testing.assert_allclose(table.action[1, :6], pose_difference(Pose.identity(), pose), 1e-4)
    assert table.action[1, 6] == pytest.approx(action[4:8, 6].sum(), abs=1e-6)
    assert np.isnan(table.action[2]).all()


def test_steps_that_do_not_divide_the_wanted_ones_are_refused(build, tmp_path):
    write_steps(tmp_path / 'steps.h5', step_s=0.3)
    _, audit = build(tmp_path / 'steps.h5')
    assert '0.3 s, which does not divide the wanted 0.4 s' in audit.facts[0].dropped


def test_foreign_actions_are_copied_but_not_joined(build, tmp_path):
    write_steps(tmp_path / 'push.h5', width=2)
    table, audit = build(tmp_path / 'push.h5')
    assert table is None
    assert 'actions have 2 numbers (without names), wanted are 7' in audit.facts[0].dropped


def test_states_are_put_in_the_standard_order(build, tmp_path):
    write_steps(tmp_path / 'steps.h5', proprio=('gripper', 'z', 'y', 'x'), step_s=0.4)
    table, _ = build(tmp_path / 'steps.h5')
    np.testing.assert_allclose(table.proprio[2], [2.3, 2.2, 2.1, 2.0], atol=1e-6)


def test_what_was_built_can_be_built_again(build, tmp_path):
    write_droid(tmp_path / 'droid')
    first, _ = build(tmp_path / 'droid')
    again, _ = build(tmp_path / 'out.h5', out='again.h5')
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.action, again.action)
    np.testing.assert_array_equal(first.proprio, again.proprio)


def test_datasets_that_do_not_fit_together_are_not_mixed(build, tmp_path):
    write_droid(tmp_path / 'droid')
    write_steps(tmp_path / 'steps.h5', step_s=0.4)
    table, audit = build(tmp_path / 'droid', tmp_path / 'steps.h5')
    assert table.length.tolist() == [10]
    assert 'a dataset of its own' in audit.facts[1].dropped


def test_a_truncated_dataset_is_one_line(build, tmp_path):
    write_steps(tmp_path / 'steps.h5')
    path = tmp_path / 'steps.h5'
    path.write_bytes(path.read_bytes()[:3000])
    _, audit = build(path)
    assert 'damaged or no HDF5 file' in audit.facts[0].dropped
