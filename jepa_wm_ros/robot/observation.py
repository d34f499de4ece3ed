"""What the robot and its camera saw at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.poses import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One picture and the robot's own state at the picture's time stamp.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        stamp_s: When the picture was taken [s], on the clock of whoever took it.
        joint_positions: `(7,)` arm joints [rad].
        pose: Flange (`panda_link8`) in the base frame.
        gripper: 0 open .. 1 closed.
    """

    image: NDArray[np.uint8]
    stamp_s: float
    joint_positions: NDArray[np.float64]
    pose: Pose
    gripper: float
