"""Reads the arm's joints and its gripper out of joint state messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.gripper import GripperCodec


class JointReader:
    """Finds joints by name: drivers order them as they like, and may report the gripper alone."""

    def __init__(
        self, *, joint_names: Sequence[str], gripper_joint: str, codec: GripperCodec
    ) -> None:
        """Make a reader.

        Args:
            joint_names: The arm joints, base to flange.
            gripper_joint: The gripper's joint; '' when there is none.
            codec: Turns its reading into closedness.
        """
        self._joint_names = tuple(joint_names)
        self._gripper_joint = gripper_joint
        self._codec = codec
        self._gripper: float | None = None
        self.gripper_read = False
        """Whether the last message held a reading of the gripper."""
        self._names: Sequence[str] = ()
        self._arm: list[int] | None = None

    @property
    def gripper(self) -> float | None:
        """The newest closedness 0..1; None before the first reading."""
        return self._gripper

    @property
    def missing(self) -> str:
        """Which joints the last message lacked, for people; empty when it lacked none."""
        lacking = [name for name in self._joint_names if name not in self._names]
        if not lacking:
            return ''
        has = ', '.join(self._names) or 'none'
        return (
            f'joint_states lacks {", ".join(lacking)} (it has {has}): '
            'set joint_names to the names of your arm'
        )

    def read(self, names: Sequence[str], positions: Sequence[float]) -> NDArray[np.float64] | None:
        """Take in a message.

        Returns:
            The arm's `(n,)` positions [rad]; None when the message does not hold all of them.

        Raises:
            GripperError: The gripper's reading does not fit its codec.
        """
        if names != self._names:
            self._names = names
            known = all(name in names for name in self._joint_names)
            self._arm = [names.index(name) for name in self._joint_names] if known else None
        arm = self._arm
        found = arm is not None and len(positions) == len(names)
        joints = np.array([positions[index] for index in arm or ()]) if found else None
        self.gripper_read = False
        if self._gripper_joint in names and len(positions) == len(names):
            self._gripper = None
            self._gripper = self._codec.decode(positions[names.index(self._gripper_joint)])
            self.gripper_read = True
        return joints
