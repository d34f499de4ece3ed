"""What the action publisher hears from the arm's driver beside the joints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.nodes.state_sources.flange_pose import PoseTopicSource
from jepa_wm_ros.nodes.state_sources.robot_mode import FrankaModeSource
from jepa_wm_ros.robot.robot_mode import RobotMode

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.driver_config import DriverConfig
    from jepa_wm_ros.robot.execution import ArmExecutor
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.ros.lifecycle import ManagedNode


class DriverWatch:
    """Passes the robot's mode to the supervisor, and compares the driver's pose with ours."""

    def __init__(self, node: ManagedNode, config: DriverConfig, arm: ArmExecutor) -> None:
        """Subscribe to what the configuration names.

        Raises:
            MessageClassError: The driver's messages are not installed.
        """
        self._arm, self._config = arm, config
        self._pose: Pose | None = None
        self.mode: RobotMode | None = None
        """What the robot said last; None when it was not asked or has said nothing."""
        if config.robot_mode == 'franka':
            FrankaModeSource(node, config.robot_state_topic, self._on_mode)
        if config.driver_pose_topic:
            PoseTopicSource(node, config.driver_pose_topic, config.tool, self._on_pose)

    def disagreement(self) -> str:
        """Say how the driver's own pose contradicts the joints; empty when it does not."""
        topic, limit = self._config.driver_pose_topic, self._config.driver_pose_tolerance_m
        ours = self._arm.measured_pose
        if not topic or ours is None:
            return ''
        if self._pose is None:
            return f'no pose of the end effector on {topic}: is its broadcaster active?'
        offset = float(np.linalg.norm(self._pose.position - ours.position))
        if offset <= limit:
            return ''
        return (
            f"the driver's end effector ({topic}) is {100 * offset:.1f} cm from where joints and "
            f'tool_position, tool_rotation put it (limit {100 * limit:.1f} cm): these parameters '
            'must say what is set as end effector in the driver (Franka: in Desk)'
        )

    def _on_mode(self, mode: RobotMode) -> None:
        self.mode = mode
        self._arm.supervisor.robot_mode(mode, time.monotonic())

    def _on_pose(self, stamp_s: float, pose: Pose) -> None:
        self._pose = pose
