import numpy as np
import pytest

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.observation import Observation
from jepa_wm_ros.robot.poses import Pose


class FakeCell:
    """No physics: the flange goes exactly where it is sent."""

    def __init__(self):
        self.position = np.zeros(3)
        self.appearances = []
        self.pictures = 0

    @property
    def flange_pose(self):
        return Pose(self.position)

    def reset(self, position=None, *, rng, appearance=None):
        self.position = np.array(position, dtype=float)
        self.appearances.append(appearance)
        return self._observe()

    def step(self, action):
        self.position = WORKSPACE_CELL.clip(self.position + action[:3])
        return self._observe()

    def picture_at(self, position):
        self.pictures += 1
        return np.full((4, 4, 3), 7, np.uint8)

    def _observe(self):
        return Observation(
            image=np.zeros((4, 4, 3), np.uint8),
            stamp_s=0.0,
            joint_positions=np.zeros(7),
            pose=Pose(self.position),
            gripper=0.0,
        )


@pytest.fixture
def cell():
    return FakeCell()
