"""The page on new models keeps its promise: its module, as printed, is a family."""

import re
from pathlib import Path

import pytest
import torch
from test_frame_families import contract, pictures

from jepa_wm_ros.worldmodel import families

PAGE = Path(__file__).parents[2] / 'docs' / 'new_model.md'


@pytest.fixture
def delta(tmp_path, monkeypatch):
    """Save the module of the page where families are looked for."""
    (code,) = re.findall(r'```python\n(.*?)```', PAGE.read_text(), re.DOTALL)
    (tmp_path / 'delta_wm.py').write_text(code)
    monkeypatch.setattr(families, '__path__', [*families.__path__, str(tmp_path)])
    return families.build(contract('delta_wm'))


def test_the_printed_module_is_a_family_that_predicts(delta):
    assert type(delta).__name__ == 'DeltaWorldModel'
    context = delta.encode(pictures(1, 1))
    future = delta.eval().rollout(context, torch.zeros(1, 0, 7), torch.randn(1, 3, 2, 7))
    assert future.tokens.shape == (1, 3, 2, 6, 12)


def test_its_rule_is_applied(delta):
    context = delta.eval().encode(pictures(1, 1))
    for parameter in delta.predictor.parameters():
        parameter.data.zero_()  # predicts that nothing changes
    future = delta.rollout(context, torch.zeros(1, 0, 7), torch.randn(1, 3, 2, 7))
    torch.testing.assert_close(future.tokens[0, 2, 1], context.tokens[0, 0])
