"""Every recorded case of the reference implementations comes out the same here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tolerance import Recording

from jepa_wm_ros.worldmodel.parity import ParityError, read_case, run_case

CASES = Path(__file__).parents[1] / 'data' / 'parity'
NAMES = sorted(path.parent.name for path in CASES.glob('*/case.json'))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_all_cases_are_here():
    assert len(NAMES) == 33


@pytest.mark.parametrize('name', NAMES)
def test_outputs_equal_the_reference(name):
    assert Recording(CASES / name).problems(run_case(CASES / name)) == []


def test_a_handler_never_sees_the_values_of_the_outputs():
    case = read_case(CASES / 'droid_metric')
    assert set(case.inputs) == {'planned', 'expert'}
    assert 'err_xyz' in case.outputs
    assert all(isinstance(name, str) for name in case.outputs)


def test_a_folder_that_is_no_case_is_refused(tmp_path):
    with pytest.raises(ParityError, match=r'not a recorded case'):
        run_case(tmp_path)


def test_an_unknown_system_is_refused_with_the_known_ones(tmp_path):
    source = CASES / 'droid_metric'
    (tmp_path / 'tensors.safetensors').write_bytes((source / 'tensors.safetensors').read_bytes())
    (tmp_path / 'case.json').write_text('{"system": "a crystal ball"}')
    with pytest.raises(ParityError, match=r'a crystal ball.*LeWorldModel'):
        run_case(tmp_path)
