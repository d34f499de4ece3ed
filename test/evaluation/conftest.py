import numpy as np
import pytest
from contracts import small_contract

from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.observation import Observation
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.worldmodel.latent import Latent


def picture_of(position):
    """A picture (32, 48, 3) whose mean colour tells the position (3,) [m]."""
    picture = np.zeros((32, 48, 3)) + 100.0 + 200.0 * np.asarray(position, dtype=float)
    picture[:, ::2] += 20.0
    picture[:, 1::2] -= 20.0
    return picture.round().astype(np.uint8)


class PointModel:
    """A world model that reads the position off the mean colour and knows what actions do."""

    def __init__(self):
        planning = {'samples': 64, 'elites': 8, 'horizon': 4, 'executed_steps': 2}
        self.contract = small_contract(planning, name='point', architecture={})
        self.seen = 0

    def encode(self, images, proprio=None):
        self.seen += 1
        colours = (images.mean((-2, -1)) * 0.5 + 0.5) * 255.0
        return Latent(tokens=((colours - 100.0) / 20.0)[:, :, None])

    def rollout(self, context, past_actions, actions):
        start = context.tokens[:, -1, None, None]
        return Latent(tokens=start + 10.0 * actions[..., None, :3].cumsum(2))


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
        return picture_of(position)

    def _observe(self):
        return Observation(
            image=picture_of(self.position),
            stamp_s=0.0,
            joint_positions=np.zeros(7),
            pose=Pose(self.position),
            gripper=0.0,
        )


@pytest.fixture
def cell():
    return FakeCell()


@pytest.fixture
def point_model():
    return PointModel()
