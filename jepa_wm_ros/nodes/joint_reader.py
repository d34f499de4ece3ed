"""Reads the arm's joints and its gripper out of joint state messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.gripper import GripperCodec, GripperError

# Joints that were not heard of for this long are no longer published [s].
HEARD_S = 5.0


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
        self.trouble = ''
        """Why the last message was no joint state of the arm, for people; empty when it was."""
        self.gripper_trouble = ''
        """Why the last reading of the gripper was none, for people; empty when it was."""
        self._names: list[str] = []
        self._arm: list[int] | None = None
        self._heard: dict[frozenset[str], float] = {}
        self._now: frozenset[str] = frozenset()

    @property
    def gripper(self) -> float | None:
        """The newest closedness 0..1; None when it is not known."""
        return self._gripper

    def heard(self, now_s: float) -> list[frozenset[str]]:
        """Return the different sets of joints in the messages of the last seconds."""
        self._heard = {k: s for k, s in self._heard.items() if now_s - s <= HEARD_S}
        return list(self._heard)

    def read(
        self, names: Sequence[str], positions: Sequence[float], now_s: float = 0.0
    ) -> NDArray[np.float64] | None:
        """Take in a message.

        Args:
            names: Of its joints.
            positions: Theirs [rad], the gripper's in its own unit.
            now_s: When it arrived [s].

        Returns:
            The arm's `(n,)` positions [rad]; None when the message does not hold all of them,
            and `trouble` says why.
        """
        if names != self._names:
            self._learn(list(names))
        self._heard[self._now] = now_s
        self.trouble, self.gripper_read = '', False
        if len(positions) != len(names):
            self.trouble = (
                f'joint_states has {len(names)} names and {len(positions)} positions: the arm '
                'needs one position for each joint'
            )
            return None
        self._read_gripper(positions)
        if self._arm is None:
            self.trouble = self._missing()
            return None
        return np.array([positions[index] for index in self._arm])

    def _learn(self, names: list[str]) -> None:
        """Find the joints of the arm among names that are new."""
        self._names, self._now = names, frozenset(names)
        known = all(names.count(name) == 1 for name in self._joint_names)
        self._arm = [names.index(name) for name in self._joint_names] if known else None

    def _read_gripper(self, positions: Sequence[float]) -> None:
        """Take in the gripper's reading, if there is one; an absurd one makes it unknown."""
        if self._gripper_joint not in self._now:
            return
        self._gripper, self.gripper_trouble = None, ''
        try:
            self._gripper = self._codec.decode(positions[self._names.index(self._gripper_joint)])
        except GripperError as error:
            self.gripper_trouble = str(error)
        else:
            self.gripper_read = True

    def _missing(self) -> str:
        """Say which joints of the arm the last message lacked, or named twice."""
        twice = [name for name in self._joint_names if self._names.count(name) > 1]
        if twice:
            return f'joint_states names {", ".join(twice)} more than once'
        lacking = [name for name in self._joint_names if name not in self._now]
        has = ', '.join(self._names) or 'none'
        return (
            f'joint_states lacks {", ".join(lacking)} (it has {has}): '
            'set joint_names to the names of your arm'
        )
