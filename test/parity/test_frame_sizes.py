"""The handlers of patch-token models take any sizes, and agree with the published way."""

import dataclasses

import pytest
import torch

from jepa_wm_ros.worldmodel.families import frame_model
from jepa_wm_ros.worldmodel.parity import Case
from jepa_wm_ros.worldmodel.parity import dino_wm as parity_dino_wm
from jepa_wm_ros.worldmodel.parity import jepa_wm as parity_jepa_wm
from jepa_wm_ros.worldmodel.parity import vjepa2_ac as parity_vjepa2_ac
from jepa_wm_ros.worldmodel.predictors.reference_rollout import ReferenceRollout
from jepa_wm_ros.worldmodel.published.layouts.jepa_wms import (
    DinoWmLayout,
    JepaWmLayout,
    Vjepa2AcLayout,
)

DIM, GRID, FRAMES = 20, (3, 5), 5
KINDS = {
    'jepa_wm': (
        parity_jepa_wm,
        JepaWmLayout(encoder_dim=DIM, width=28, action=3, depth=1, proprio=2, proprio_dim=5),
        {'depth': 1, 'heads': 3, 'pred_embed_dim': 28, 'proprio_emb_dim': 5},
    ),
    'jepa_wm without a mask': (
        parity_jepa_wm,
        JepaWmLayout(encoder_dim=DIM, width=30, action=3, depth=5),
        {'depth': 5, 'heads': 5, 'pred_embed_dim': 30, 'local_window_time': -1},
    ),
    'dino_wm': (
        parity_dino_wm,
        DinoWmLayout(
            encoder_dim=DIM,
            action=3,
            action_dim=7,
            proprio=2,
            proprio_dim=4,
            depth=3,
            inner=33,
            mlp=17,
            tokens=FRAMES * GRID[0] * GRID[1],
        ),
        {
            'depth': 3,
            'heads': 3,
            'dim_head': 11,
            'mlp_dim': 17,
            'action_emb_dim': 7,
            'proprio_emb_dim': 4,
        },
    ),
    'vjepa2_ac': (
        parity_vjepa2_ac,
        Vjepa2AcLayout(encoder_dim=DIM, width=39, depth=3, state='proprio_encoder'),
        {'depth': 3, 'heads': 3, 'pred_embed_dim': 39, 'proprio_tokens': 1},
    ),
}
"""Handler, checkpoint and configuration: sizes that no recorded case has."""


def made_up(kind: str) -> Case:
    """Return a case with random weights of the published names and shapes."""
    _, layout, config = KINDS[kind]
    generator = torch.Generator().manual_seed(5)

    def random(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(shape, generator=generator)

    inputs = {
        'z': random(1, FRAMES, 1, *GRID, DIM),
        'actions': random(1, FRAMES, layout.action),
        'unroll_z_ctxt': random(1, 1, 1, *GRID, DIM),
        'unroll_actions': random(6, 3, layout.action),
        'raw_reps': random(2, DIM),
    }
    states = 7 if 'proprio_tokens' in config else 2
    if {'proprio_emb_dim', 'proprio_tokens'} & set(config):
        inputs['proprio'] = random(1, FRAMES, states)
        inputs['unroll_proprio_ctxt'] = random(1, 1, states)
    return Case(
        name=kind,
        system=kind,
        config={'T_list': [1, FRAMES], 'num_frames_pred': FRAMES, 'ctxt_window': 3, **config},
        weights={name: random(*spec.shape) for name, spec in layout.specs().items()},
        inputs=inputs,
        outputs=(),
    )


@pytest.mark.parametrize('kind', KINDS)
def test_other_sizes_agree_with_the_published_way(kind, monkeypatch):
    handler = KINDS[kind][0]
    found = handler.run(made_up(kind))
    assert found['unroll'].shape == (7, 3, 1, *GRID, DIM)
    assert found[f'pred_T{FRAMES}'].shape == (1, FRAMES, 1, *GRID, DIM)
    monkeypatch.setattr(frame_model, 'Rollout', ReferenceRollout)
    for name, expected in handler.run(made_up(kind)).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', KINDS)
def test_the_first_step_of_an_unroll_is_a_prediction(kind):
    handler, case = KINDS[kind][0], made_up(kind)
    start = {
        'z': case.inputs['unroll_z_ctxt'],
        'actions': case.inputs['unroll_actions'][:1, 1:2],
    }
    if 'proprio' in case.inputs:
        start['proprio'] = case.inputs['unroll_proprio_ctxt']
    alone = dataclasses.replace(
        case, config={**case.config, 'T_list': [1]}, inputs={**case.inputs, **start}
    )
    predicted, unrolled = handler.run(alone)['pred_T1'], handler.run(case)['unroll']
    torch.testing.assert_close(predicted[0, 0], unrolled[1, 1], rtol=1e-4, atol=1e-5)
