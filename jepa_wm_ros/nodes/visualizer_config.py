"""The parameters of the visualizer."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME
from jepa_wm_ros.ros.params import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualizerConfig:
    """Parameters of the node `visualizer`."""

    display_rate_hz: float = parameter(
        5.0,
        'Most messages per second on each topic; nothing is published while nobody listens.',
        unit='Hz',
        minimum=0.1,
        maximum=10.0,
    )
    marker_lifetime_s: float = parameter(
        3.0,
        'How long displays keep markers; they are repeated each second, so that they vanish when '
        'the visualizer dies.',
        unit='s',
        minimum=1.5,
        maximum=60.0,
    )
    plan_display_s: float = parameter(
        20.0, 'How long a plan is shown after it was made.', unit='s', minimum=0.1
    )
    base_frame: str = parameter(
        BASE_FRAME, "Name of the robot's base frame, in which everything is drawn."
    )
    urdf: str = parameter(
        '',
        'URDF file of the robot, or the name of one in urdf/ of this package; empty: the cell '
        'of it.',
    )
    joint_names: tuple[str, ...] = parameter(
        ARM_JOINTS, 'Arm joints in `joint_states`, base to flange.', length=7
    )
    publish_robot: bool = parameter(
        True,
        'Whether to publish robot_description and /tf; false where robot_state_publisher does.',
    )
