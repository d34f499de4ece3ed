"""The cases of low amplitude notice a wrong epsilon of the norms, as ordinary ones do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
from jepa_wm_ros.worldmodel.parity import encoders as parity_encoders
from jepa_wm_ros.worldmodel.parity import run_case

CASES = Path(__file__).parents[1] / 'data' / 'parity'
EPSILONS = {'dinov2': 1e-6, 'dinov3': 1e-5, 'vjepa2': 1e-6}


@pytest.mark.parametrize('encoder', EPSILONS)
@pytest.mark.parametrize('epsilon', [1e-12, 1e-6, 1e-5])
def test_only_the_right_epsilon_gives_the_recorded_tokens(encoder, epsilon, monkeypatch):
    case = CASES / f'{encoder}_encoder_lowamp'
    right = run_case(case)
    monkeypatch.setattr(
        parity_encoders,
        'EncoderSettings',
        lambda **settings: EncoderSettings(**{**settings, 'norm_eps': epsilon}),
    )
    other = run_case(case)
    for name in set(right) - {'out/pixels'}:
        apart = (other[name] - right[name]).abs().max() / right[name].abs().max()
        assert (apart == 0) if epsilon == EPSILONS[encoder] else (apart > 0.01)
