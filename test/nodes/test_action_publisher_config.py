"""Parameters that contradict each other are refused; limits reach executor and supervisor."""

import math

import pytest

from jepa_wm_ros.nodes.action_publisher_config import ActionPublisherConfig
from jepa_wm_ros.nodes.backends import BACKENDS
from jepa_wm_ros.robot.limits import FR3, LimitError
from jepa_wm_ros.ros.params import parameters_of


def test_way_points_may_not_lie_outside_of_the_supervised_box():
    with pytest.raises(LimitError, match='must lie inside'):
        ActionPublisherConfig(workspace_upper=(0.9, 0.28, 0.55))


def test_box_upside_down_is_refused():
    with pytest.raises(LimitError, match='above upper'):
        ActionPublisherConfig(workspace_lower=(0.61, -0.28, 0.24))


def test_zero_reaches_the_supervisor_as_zero():
    config = ActionPublisherConfig(max_drift_m=0.0, supervised_lower=(0.0, -0.4, 0.0))
    limits = config.safety_limits()
    assert limits.max_drift_m == 0.0
    assert limits.workspace.lower[2] == 0.0


def test_joint_table_and_ready_signal_are_chosen():
    config = ActionPublisherConfig(joint_limits='fr3', require_ready=True, max_ready_age_s=0.2)
    assert config.safety_limits().joints is FR3
    assert config.safety_limits().max_ready_age_s == 0.2
    assert math.isinf(ActionPublisherConfig().safety_limits().max_ready_age_s)


def test_switch_is_asked_for_only_where_it_is_required():
    assert math.isinf(ActionPublisherConfig().safety_limits().max_deadman_age_s)
    config = ActionPublisherConfig(require_deadman=True, max_deadman_age_s=0.0)
    assert config.safety_limits().max_deadman_age_s == 0.0


def test_cone_and_boxes_reach_executor_and_supervisor():
    box = (0.4, 0.0, 0.0, 0.5, 0.1, 0.3)
    config = ActionPublisherConfig(cone_angle_rad=0.0, keep_out=(*box, *box))
    limits = config.safety_limits()
    assert limits.workspace.cone.angle_rad == 0.0
    assert config.execution_settings().workspace.cone.angle_rad == 0.0
    assert len(limits.keep_out) == 2
    assert limits.keep_out[1].upper.tolist() == [0.5, 0.1, 0.3]


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'keep_out': (0.1, 0.2, 0.3)}, 'six numbers'),
        ({'keep_out': (0.5, 0.0, 0.0, 0.4, 0.1, 0.3)}, 'above upper'),
        ({'keep_out': (0.1, 0.0, 0.0, math.inf, 0.1, 0.3)}, 'finite'),
        ({'cone_axis': (0.0, 0.0, 0.0)}, 'direction'),
        ({'max_speed_m_s': 1.8}, 'fer'),
        ({'joint_limits': 'fr3', 'max_acceleration_m_s2': 9.5}, '9.0'),
        ({'max_rotation_speed_rad_s': 3.0}, '2.5'),
    ],
)
def test_limits_that_make_no_sense_are_refused(values, words):
    with pytest.raises(LimitError, match=words):
        ActionPublisherConfig(**values)


def test_arm_that_does_not_move_need_not_follow():
    config = ActionPublisherConfig()
    assert math.isinf(config.safety_limits(moves=False).max_tracking_error_m)
    assert config.execution_settings(moves=False).settle_timeout_s == 0.0


def test_every_backend_can_be_chosen():
    assert set(parameters_of(ActionPublisherConfig)['backend'].choices) == set(BACKENDS)
