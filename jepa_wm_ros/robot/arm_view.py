"""What is known about where the arm is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.belief import Disbelief, JointBelief
from jepa_wm_ros.robot.joint_buffer import JointBuffer
from jepa_wm_ros.robot.plan_motion import Measurement
from jepa_wm_ros.robot.poses import Pose

SPEED_WINDOW_S = 0.04


class ArmView:
    """The last joint states and the gripper's last reading."""

    def __init__(
        self, forward: Callable[[NDArray[np.float64]], Pose], belief: JointBelief
    ) -> None:
        """Make a view of nothing yet.

        Args:
            forward: Gives the flange for joint positions.
            belief: Decides which joint states can be true; no others are seen here.
        """
        self._forward = forward
        self._belief = belief
        self._life = belief.life
        self._buffer = JointBuffer()
        self._pose: Pose | None = None
        self._gripper: float | None = None

    def add(
        self, stamp_s: float, positions: ArrayLike, gripper: float | None, now_s: float
    ) -> Disbelief | None:
        """Take in a joint state.

        Args:
            stamp_s: When it was measured [s], ROS clock.
            positions: `(7,)` arm joints [rad].
            gripper: Closedness 0..1; None when it is not known.
            now_s: When it arrived [s], steady clock.

        Returns:
            Why it cannot be true; then it is not taken in.
        """
        disbelief = self._belief.judge(stamp_s, positions, now_s)
        if disbelief is not None:
            return disbelief
        if self._belief.life != self._life:
            self._life = self._belief.life
            self._buffer.clear()
        self._buffer.add(stamp_s, positions)
        self._pose = None
        self._gripper = gripper
        return None

    @property
    def joints(self) -> NDArray[np.float64] | None:
        """The newest `(7,)` joint positions [rad]; None before the first."""
        newest = self._buffer.latest
        return None if newest is None else newest.positions

    @property
    def pose(self) -> Pose | None:
        """The newest flange in the base frame; None before the first joint state."""
        newest = self._buffer.latest
        if self._pose is None and newest is not None:
            self._pose = self._forward(newest.positions)
        return self._pose

    @property
    def gripper(self) -> float | None:
        """The gripper's closedness 0..1; None when it is not known."""
        return self._gripper

    @property
    def speeds(self) -> NDArray[np.float64] | None:
        """Mean joint speeds `(7,)` of the last moments [rad/s]; None when not known yet."""
        return self._buffer.speed(SPEED_WINDOW_S)

    @property
    def measurement(self) -> Measurement:
        """What is measured now, while there is a motion: then there are joint states."""
        pose = self.pose
        assert pose is not None, 'a motion only begins with fresh joint states'
        return Measurement(pose, self._gripper)

    def pose_at(self, stamp_s: float) -> Pose:
        """Return the flange at a moment [s], ROS clock.

        Raises:
            JointBufferError: No joint state is near enough.
        """
        return self._forward(self._buffer.at(stamp_s))
