"""A model that takes the arm's state is told it, in lockstep as by the nodes."""

import numpy as np
from contracts import small_contract

from jepa_wm_ros.evaluation.policies import PlannerPolicy
from jepa_wm_ros.robot.observation import Observation
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.worldmodel.contract import ProprioContract
from jepa_wm_ros.worldmodel.families import build

ENCODER = {'dim': 16, 'depth': 1, 'heads': 2, 'patch': 8, 'mlp': 32, 'grid': [1, 2, 2]}
PREDICTOR = {'depth': 1, 'heads': 2, 'head_dim': 12, 'width': 24}


def test_it_is_told_where_the_arm_is(monkeypatch):
    contract = small_contract(
        family='jepa_wm',
        architecture={
            'encoder': ENCODER,
            'predictor': {**PREDICTOR, 'proprio': 'feature', 'proprio_dim': 8},
        },
        proprio=ProprioContract(fields=('x', 'gripper'), mean=(0.0, 0.0), std=(1.0, 1.0)),
    )
    model, told = build(contract).eval(), []
    embed = model.embed
    monkeypatch.setattr(model, 'embed', lambda state: told.append(state.tolist()) or embed(state))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    policy = PlannerPolicy(model)
    policy.begin(pictures[0], np.random.default_rng(0))
    observation = Observation(
        image=pictures[1],
        stamp_s=0.0,
        joint_positions=np.zeros(7),
        pose=Pose(np.array([0.5, 0.0, 0.25])),
        gripper=1.0,
    )
    assert np.isfinite(policy.act(observation).action).all()
    assert told == [[[[0.5, 1.0]]]]
