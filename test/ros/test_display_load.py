"""What is measured beside the displays: regularity of set-points within motions."""

import numpy as np
import pytest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.ros.display_load import CommandLog, LoadError, Regularity


def command(speed):
    return JointTrajectory(points=[JointTrajectoryPoint(velocities=[speed, 0.0])])


def test_pauses_between_motions_and_their_first_intervals_do_not_count(graph):
    log = CommandLog(graph.node())
    times = np.array([0.0, 0.004, 0.016, 0.024, 1.5, 1.503, 1.513])
    for time_s, speed in zip(times, (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0), strict=True):
        log._note(command(speed), {'source_timestamp': round(time_s * 1e9)})
    np.testing.assert_allclose(log.take(), [0.002, 0.002, 0.0], atol=1e-9)
    assert len(log.take()) == 0


def test_commands_are_noted_by_the_clock_of_the_sender(graph):
    log, arm = CommandLog(graph.node()), graph.node('arm')
    publisher = arm.create_publisher(JointTrajectory, 'joint_trajectory', 10)
    graph.spin_until(publisher.get_subscription_count, 30.0)
    for _ in range(3):
        publisher.publish(command(1.0))
    graph.spin_until(lambda: len(log._sent) == 3)
    sent = np.array([sent_s for sent_s, _ in log._sent])
    assert (np.diff(sent) > 0).all()
    assert np.ptp(sent) < 5.0
    assert abs(sent[0] - arm.get_clock().now().nanoseconds * 1e-9) < 30.0


def test_figures_are_those_of_the_intervals_and_need_enough_of_them():
    off_s = np.linspace(0.0, 0.01, 101)
    figures = Regularity.of(off_s)
    assert figures.intervals == 101
    assert (figures.p50_s, figures.longest_s) == pytest.approx((0.005, 0.01))
    assert figures.p99_s == pytest.approx(0.0099)
    with pytest.raises(LoadError, match='hardly moved'):
        Regularity.of(off_s[:50])
