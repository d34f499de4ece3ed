"""Calibration files: written, read, and refused where they do not belong."""

import dataclasses
import math

import numpy as np
import pytest
import yaml

from jepa_wm_ros.nodes.plan_calibration import PlanCalibration
from jepa_wm_ros.robot.calibration import CalibrationError, fit_rotation
from jepa_wm_ros.robot.motion import MotionPlan
from jepa_wm_ros.robot.poses import Pose, rotation_from_vector
from jepa_wm_ros.ros.calibration_file import (
    Belonging,
    CalibrationFile,
    Provenance,
    read_calibration,
    write_calibration,
)

MOVES = np.random.default_rng(0).uniform(-0.05, 0.05, (10, 3))
YAW = rotation_from_vector([0.0, 0.0, 0.5])
BASE = 'panda_link0'
MINE = Belonging(bundle='abc', bundle_name='mine', camera='left', base_frame=BASE)


@pytest.fixture
def calibration():
    made = Provenance(made='2026-01-01T00:00:00+00:00', source='live', software='test')
    executed = MOVES @ YAW.T
    return CalibrationFile.of(fit_rotation(MOVES, executed), MINE, made, MOVES, executed)


@pytest.fixture
def file(calibration, tmp_path):
    path = tmp_path / 'new' / 'calibration.yaml'
    write_calibration(path, calibration)
    return path


def plan():
    actions = np.array([[0.05, 0.0, 0.01, 0.0, 0.0, 0.1, 0.5]])
    return MotionPlan(
        actions=actions,
        step_duration_s=0.4,
        observation_stamp_s=0.0,
        observation_pose=Pose(np.zeros(3), np.eye(3)),
    )


def rewritten(file, change):
    values = yaml.safe_load(file.read_text())
    change(values)
    file.write_text(yaml.safe_dump(values))
    return file


def test_what_is_written_is_read(file, calibration):
    assert read_calibration(file) == calibration
    assert np.allclose(read_calibration(file).fit.rotation, YAW)
    again = [
        np.array([getattr(move, n) for move in calibration.moves]) for n in ('planned', 'executed')
    ]
    assert np.allclose(fit_rotation(*again).rotation, YAW)


def test_a_plan_of_the_model_is_turned(file):
    turning = PlanCalibration(str(file), BASE)
    turning.camera = 'left'
    done = turning.applied(plan(), 'abc').actions[0]
    assert np.allclose(done[:3], YAW @ [0.05, 0.0, 0.01])
    # a rotation about z stays what it is when it is seen from a frame that is turned about z
    assert np.allclose(done[3:], [0.0, 0.0, 0.1, 0.5])


def test_a_motion_that_no_model_planned_is_left_alone(file):
    turning = PlanCalibration(str(file), BASE)
    assert np.array_equal(turning.applied(plan(), '').actions, plan().actions)


def test_without_a_file_plans_are_left_alone():
    assert np.array_equal(PlanCalibration('', BASE).applied(plan(), 'abc').actions, plan().actions)


def test_a_calibration_of_another_arm_is_refused(file):
    with pytest.raises(CalibrationError, match=r"base frame 'panda_link0'.*'fr3_link0'"):
        PlanCalibration(str(file), 'fr3_link0')


def test_a_calibration_that_does_not_know_its_arm_is_taken(file):
    unknown = rewritten(file, lambda values: values['belongs_to'].update(base_frame=''))
    PlanCalibration(str(unknown), 'fr3_link0')


@pytest.mark.parametrize(
    ('bundle', 'camera', 'words'),
    [('other', 'left', 'belongs to the bundle mine'), ('abc', 'right', "the camera 'left'")],
)
def test_a_calibration_of_something_else_is_refused(file, bundle, camera, words):
    turning = PlanCalibration(str(file), BASE)
    turning.camera = camera
    with pytest.raises(CalibrationError, match=words):
        turning.applied(plan(), bundle)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda v: v['quality'].update(condition=40.0), 'ill-conditioned'),
        (lambda v: v['quality'].update(condition=math.nan), 'ill-conditioned'),
        (lambda v: v['quality'].update(expected_error_rad=0.4), 'uncertain'),
        (lambda v: v['quality'].update(explained=0.1), 'does not understand'),
        (lambda v: v.update(rotation=[[1.0, 0.0, 0.0]] * 3), 'orthogonal'),
        (lambda v: v.update(format_version=9), 'format_version must be 1'),
        (lambda v: v.update(surprise=1), 'unknown key surprise'),
        (lambda v: v.pop('moves'), 'missing key moves'),
    ],
)
def test_a_file_that_must_not_be_used_is_refused_with_its_name(file, change, words):
    with pytest.raises(CalibrationError, match=words) as refusal:
        read_calibration(rewritten(file, change))
    assert str(file) in str(refusal.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match='jepa-wm calibrate'):
        read_calibration(tmp_path / 'nowhere.yaml')
    broken = tmp_path / 'broken.yaml'
    broken.write_text('{')
    with pytest.raises(CalibrationError, match='not YAML'):
        read_calibration(broken)


def test_calibrations_are_plain_values(calibration):
    assert dataclasses.is_dataclass(calibration)
    assert calibration.angle_deg == pytest.approx(math.degrees(0.5))
