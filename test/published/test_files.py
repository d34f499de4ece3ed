"""Checkpoint files are read without running anything, and a bad one gives one clear line."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from jepa_wm_ros.worldmodel.published.files import read_checkpoint
from jepa_wm_ros.worldmodel.published.ledger import CheckpointError

STATE = {
    'predictor': {'module.weight': torch.arange(6.0).view(2, 3)},
    'list': [torch.ones(1)],
    'opt': {'state': {0: {'exp_avg': torch.zeros(3)}}, 'param_groups': [{'lr': 1e-3}]},
    'epoch': 50,
    'best': np.float64(0.5),
    'scaler': None,
}
NAMES = {'predictor.module.weight', 'list.0', 'opt.state.0.exp_avg'}


class Trap:
    """Would make a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert str(path) in message
    assert '\n' not in message
    return message


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('name', ['a.pth.tar', 'a.pt', 'a.pth', 'a.ckpt'])
def test_nested_dictionaries_are_joined_with_dots(tmp_path: Path, name: str, zipped: bool) -> None:
    torch.save(STATE, tmp_path / name, _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / name)
    assert read.keys() == NAMES
    assert torch.equal(read['predictor.module.weight'], STATE['predictor']['module.weight'])


def test_safetensors_are_known_by_their_contents(tmp_path: Path) -> None:
    save_file({'a.b': torch.ones(2)}, tmp_path / 'weights.pt')
    assert read_checkpoint(tmp_path / 'weights.pt')['a.b'].tolist() == [1.0, 1.0]


@pytest.mark.parametrize('zipped', [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trap = tmp_path / 'trap.pt', tmp_path / 'sprung'
    torch.save({'a': Trap(trap)}, path, _use_new_zipfile_serialization=zipped)
    assert 'holds pickled Python objects' in refused(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    'contents', [torch.nn.Linear(2, 2), {'encoder': torch.nn.Linear(2, 2), 'epoch': 3}]
)
def test_pickled_modules_are_refused_with_the_way_to_convert_them(
    tmp_path: Path, contents
) -> None:
    path = tmp_path / 'model_object.ckpt'
    torch.save(contents, path)
    message = refused(path)
    assert 'torch.nn.modules.linear.Linear' in message
    command = message[message.index('python -c "') + 11 : message.rindex('"')]
    script = command.replace("'model_object.ckpt'", repr(str(path)))
    script = script.replace("'weights.pt'", repr(str(tmp_path / 'weights.pt')))
    exec(script)  # what the message tells people to do, on a machine that may run the file's code
    converted = read_checkpoint(tmp_path / 'weights.pt')
    prefix = 'encoder.' if isinstance(contents, dict) else ''
    assert converted.keys() == {f'{prefix}weight', f'{prefix}bias'}


@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / 'a.pt'
    torch.save({'a': torch.zeros(1000)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for share in (0.3, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        assert 'truncated' in refused(path)


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'a.safetensors'
    save_file({'a': torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-10])
    assert 'truncated or damaged' in refused(path)


@pytest.mark.parametrize(
    ('contents', 'words'),
    [
        (b'', 'it is empty'),
        (b'<!DOCTYPE html><html>', 'it is a web page'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:00', 'git lfs pull'),
        (b'\x89PNG\r\n', 'it begins with'),
        (pickle.dumps({'a': 1}, protocol=4), 'it begins with'),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, contents: bytes, words: str) -> None:
    path = tmp_path / 'a.pt'
    path.write_bytes(contents)
    assert words in refused(path)


def test_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / 'a.pt', 'w') as archive:
        archive.writestr('hello.txt', 'hello')
    assert 'no checkpoint' in refused(tmp_path / 'a.pt')


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({'epoch': 3}, tmp_path / 'a.pt')
    assert 'holds no tensors' in refused(tmp_path / 'a.pt')


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert 'is missing' in refused(tmp_path / 'a.pt')
    assert 'is a folder' in refused(tmp_path)


def test_large_files_stay_on_the_disk_until_they_are_used(tmp_path: Path) -> None:
    from jepa_wm_ros.worldmodel.memory import resident_bytes

    path = tmp_path / 'a.pt'
    size = 64_000_000
    torch.save({'opt': torch.zeros(size // 4), 'weight': torch.ones(3)}, path)
    before = resident_bytes()
    read = read_checkpoint(path)
    assert read['weight'].sum() == 3
    assert resident_bytes() - before < size / 4
