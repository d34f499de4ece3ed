"""Small models with one token a frame and of slots, with weights that leave nothing at zero."""

import dataclasses

import torch
from contracts import SMALL

from jepa_wm_ros.worldmodel.contract import ActionContract, CameraContract, ProprioContract
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

ENCODER = {
    'dim': 24,
    'depth': 1,
    'heads': 3,
    'patch': 4,
    'mlp': 32,
    'grid': [1, 4, 4],
    'norm_eps': 1e-12,
    'tokens': 'cls',
}
PREDICTOR = {'depth': 2, 'heads': 3, 'head_dim': 8, 'mlp_dim': 20}
OFFICIAL = {
    'layout': 'official',
    'encoder': ENCODER,
    'predictor': PREDICTOR,
    'embed_dim': 16,
    'projector_dim': 20,
    'smoothed': 5,
}
SLOTS = {
    'slots': 4,
    'slot_dim': 12,
    'predictor': {'depth': 2, 'heads': 3, 'mlp_dim': 20, 'history': 3},
}
ACTION = ActionContract(
    fields=('x', 'y'),
    units=('m', 'm'),
    lower=(-1.0, -1.0),
    upper=(1.0, 1.0),
    mean=(0.1, -0.2),
    std=(0.5, 0.7),
    step_duration_s=0.5,
    frame_skip=3,
)
STATE = ProprioContract(fields=('x', 'y', 'z'), mean=(0.5,) * 3, std=(2.0,) * 3)


def contract_of(family: str, architecture: dict, **changes):
    """Return a contract of pictures of 16 px and actions of 3 x 2 numbers."""
    settings = {
        'camera': CameraContract(width=16, height=16),
        'action': ACTION,
        'context': 3,
        'planning': PlanningSettings(initial_std=(1.0, 1.0)),
        **changes,
    }
    return dataclasses.replace(SMALL, family=family, architecture=architecture, **settings)


def model_of(family: str, architecture: dict, **changes):
    """Return a model in double precision, so that only mistakes differ."""
    model = build(contract_of(family, architecture, **changes)).double().eval()
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator).double() * 0.3
    return model.requires_grad_(False)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return normal numbers in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()
