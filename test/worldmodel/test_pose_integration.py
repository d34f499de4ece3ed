"""Poses of batches agree with the robot's own pose arithmetic, also where angles wrap."""

import math

import numpy as np
import torch

from jepa_wm_ros.robot.poses import apply_action, from_euler, to_euler
from jepa_wm_ros.worldmodel.pose_integration import euler_matrix, integrate, matrix_euler


def test_states_equal_those_of_the_robot_room():
    rng = np.random.default_rng(3)
    states = rng.uniform(-1, 1, (64, 7)) * [1, 1, 1, math.pi, 1.5, math.pi, 1]
    actions = rng.uniform(-1, 1, (64, 7)) * [0.1, 0.1, 0.1, 3.0, 1.5, 3.0, 1]
    found = integrate(torch.tensor(states), torch.tensor(actions)).numpy()
    for state, action, result in zip(states, actions, found, strict=True):
        moved = apply_action(from_euler(state[:3], state[3:6]), action)
        expected = from_euler(result[:3], result[3:6])
        np.testing.assert_allclose(result[:3], moved.position, atol=1e-12)
        np.testing.assert_allclose(expected.rotation, moved.rotation, atol=1e-12)
        np.testing.assert_allclose(result[3:6], to_euler(moved), atol=1e-9)
        assert result[6] == np.clip(state[6] + action[6], 0, 1)


def test_a_roll_of_half_a_turn_goes_on_from_the_other_side():
    state = torch.tensor([0.0, 0, 0, 3.1, 0, 0, 0])
    found = integrate(state, torch.tensor([0.0, 0, 0, 0.1, 0, 0, 0]))
    torch.testing.assert_close(found[3], torch.tensor(3.2 - 2 * math.pi), atol=1e-6, rtol=0)


def test_a_locked_pitch_keeps_the_rotation():
    angles = torch.tensor([0.4, math.pi / 2, -0.3], dtype=torch.float64)
    found = matrix_euler(euler_matrix(angles))
    torch.testing.assert_close(euler_matrix(found), euler_matrix(angles), atol=1e-7, rtol=0)
    assert found[2] == 0


def test_states_stay_on_the_type_and_shape_of_the_model():
    states, actions = torch.zeros(2, 1, 7), torch.zeros(2, 1, 7)
    assert integrate(states, actions).dtype == torch.float32
    assert integrate(states, actions).shape == (2, 1, 7)
