"""What the action publisher hears from the arm's driver beside the joints."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.state_sources.flange_pose import PoseTopicSource
from jepa_wm_ros.nodes.state_sources.robot_mode import FrankaModeSource
from jepa_wm_ros.robot.pose_agreement import disagreement
from jepa_wm_ros.robot.robot_mode import RobotMode

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.driver_config import DriverConfig
    from jepa_wm_ros.robot.execution import ArmExecutor
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.ros.lifecycle import ManagedNode

# A pose that was not said again for this long says nothing about now [s].
POSE_AGE_S = 1.0


class DriverWatch:
    """Passes the robot's mode to the supervisor, and compares the driver's pose with ours."""

    def __init__(
        self, node: ManagedNode, config: DriverConfig, arm: ArmExecutor, base_frame: str
    ) -> None:
        """Subscribe to what the configuration names; poses are expected in `base_frame`.

        Raises:
            MessageClassError: The driver's messages are not installed.
        """
        self._arm, self._config = arm, config
        self._pose: Pose | None = None
        self._pose_s = -math.inf
        self.mode: RobotMode | None = None
        """What the robot said last; None when it was not asked or has said nothing."""
        if config.robot_mode == 'franka':
            FrankaModeSource(node, config.robot_state_topic, self._on_mode)
        if config.driver_pose_topic:
            PoseTopicSource(
                node, config.driver_pose_topic, config.tool, self._on_pose, base_frame=base_frame
            )

    def disagreement(self) -> str:
        """Say how the driver's own pose contradicts the joints; empty when it does not.

        A driver that means another end effector than we do turns and moves the flange by the
        difference at the first command.
        """
        config, ours = self._config, self._arm.measured_pose
        if not config.driver_pose_topic or ours is None:
            return ''
        silence_s = time.monotonic() - self._pose_s
        said = self._pose if silence_s <= POSE_AGE_S else None
        return disagreement(
            config.driver_pose_topic,
            said,
            ours,
            config.driver_pose_tolerance_m,
            config.driver_pose_tolerance_rad,
        )

    def _on_mode(self, mode: RobotMode) -> None:
        self.mode = mode
        self._arm.supervisor.robot_mode(mode, time.monotonic())

    def _on_pose(self, stamp_s: float, pose: Pose) -> None:
        self._pose, self._pose_s = pose, time.monotonic()
