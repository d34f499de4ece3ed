"""A cell whose robot reports and takes motions in a base frame that is turned about z.

To the model it is what a camera at another angle is: the picture says one direction, the robot
goes another. Only the robot's own frame is turned; the cell and its pictures stay as they are.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.calibration import turned
from jepa_wm_ros.robot.poses import Pose, rotation_from_vector

if TYPE_CHECKING:
    from jepa_wm_ros.robot.observation import Observation
    from jepa_wm_ros.sim.appearance import Appearance
    from jepa_wm_ros.sim.environment import CellEnvironment

_BASE_JOINT = 0


class TurnedEnvironment:
    """The cell in lockstep with a turned base frame.

    Args:
        environment: The cell; closed by whoever opened it.
        yaw_rad: Poses are reported turned by this about z [rad]; actions are meant so, too.
    """

    def __init__(self, environment: CellEnvironment, yaw_rad: float) -> None:
        self._cell = environment
        self._yaw_rad = yaw_rad
        self._turn = rotation_from_vector([0.0, 0.0, yaw_rad])

    @property
    def flange_pose(self) -> Pose:
        """True pose of the flange, in the frame of the cell."""
        return self._cell.flange_pose

    def reset(
        self,
        position: ArrayLike | None = None,
        *,
        rng: np.random.Generator,
        appearance: Appearance | None = None,
    ) -> Observation:
        """Put the flange to `(3,)` [m], true, and change the looks."""
        return self._reported(self._cell.reset(position, rng=rng, appearance=appearance))

    def step(self, action: NDArray[np.float64]) -> Observation:
        """Execute one action `(7,)` of the turned frame, and settle."""
        plain = turned(np.asarray(action, dtype=np.float64)[None], self._turn.T)[0]
        return self._reported(self._cell.step(plain))

    def picture_at(self, position: ArrayLike) -> NDArray[np.uint8]:
        """Return what the camera would see with the flange at `(3,)` [m], true."""
        return self._cell.picture_at(position)

    def _reported(self, observation: Observation) -> Observation:
        pose, joints = observation.pose, observation.joint_positions.copy()
        # the first axis is that of the base: turning the one is turning the other
        joints[_BASE_JOINT] += self._yaw_rad
        seen = Pose(self._turn @ pose.position, self._turn @ pose.rotation)
        return dataclasses.replace(observation, pose=seen, joint_positions=joints)
