"""A twist leads to a pose, along its motion and never too fast."""

import numpy as np
import pytest

from jepa_wm_ros.robot.poses import Pose, distance, from_euler, rotation_from_vector
from jepa_wm_ros.robot.twist_following import TwistFollowing, TwistFollowingError

LAW = TwistFollowing(gain=4.0, max_speed_m_s=0.4, max_rotation_speed_rad_s=0.8)
STILL = np.zeros(6)


def test_where_it_should_be_it_moves_as_it_should():
    twist = np.array([0.1, 0.0, -0.1, 0.0, 0.2, 0.0])
    np.testing.assert_allclose(LAW.command(Pose.identity(), twist, Pose.identity()), twist)


def test_an_error_is_closed_exponentially():
    pose, target = (
        from_euler((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        from_euler((0.02, 0, 0), (0, 0, 0.1)),
    )
    for _ in range(100):
        twist = LAW.command(target, STILL, pose)
        pose = Pose(
            pose.position + 0.01 * twist[:3],
            rotation_from_vector(0.01 * twist[3:]) @ pose.rotation,
        )
    metres, radians = distance(pose, target)
    assert metres == pytest.approx(0.02 * np.exp(-4.0), rel=0.1)
    assert radians == pytest.approx(0.1 * np.exp(-4.0), rel=0.1)


def test_too_fast_is_scaled_down_with_its_direction():
    far = Pose(np.array([3.0, 4.0, 0.0]))
    twist = LAW.command(far, STILL, Pose.identity())
    np.testing.assert_allclose(twist[:3], [0.24, 0.32, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    'wrong', [{'gain': -1.0}, {'max_speed_m_s': 0.0}, {'max_rotation_speed_rad_s': float('nan')}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    good = {'gain': 1.0, 'max_speed_m_s': 1.0, 'max_rotation_speed_rad_s': 1.0}
    with pytest.raises(TwistFollowingError):
        TwistFollowing(**(good | wrong))
