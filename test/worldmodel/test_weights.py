"""Weights go to disk and back without a second copy, and a damaged file is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from jepa_wm_ros.worldmodel.weights import (
    WeightsError,
    fingerprint,
    read_entries,
    read_weights,
    write_weights,
)

TENSORS = {
    'b': torch.randn(3, 5),
    'a': torch.tensor(7),
    'c.half': torch.randn(4).bfloat16(),
    'd': torch.tensor([True, False]),
    'e.empty': torch.zeros(0, 3),
    'f.turned': torch.randn(2, 3).T,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'model.safetensors'
    write_weights(path, TENSORS)
    return path


def test_the_file_is_the_one_that_the_library_writes(path: Path) -> None:
    contiguous = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    assert path.read_bytes() == save(contiguous)
    assert load_file(path).keys() == TENSORS.keys()


def test_what_is_written_is_read(path: Path) -> None:
    read = dict(read_weights(path))
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_types_are_converted_where_asked(path: Path) -> None:
    read = dict(read_weights(path, dtypes={'c.half': torch.float32}))
    assert torch.equal(read['c.half'], TENSORS['c.half'].float())
    assert read['b'].dtype == torch.float32


def test_the_fingerprint_is_that_of_the_contents(path: Path) -> None:
    before = fingerprint(path)
    assert before == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    write_weights(path, {'b': torch.zeros(1)})
    assert fingerprint(path) != before


def header(change) -> bytes:
    text = json.dumps(change).encode()
    return len(text).to_bytes(8, 'little') + text


@pytest.mark.parametrize(
    ('contents', 'words'),
    [
        (b'', 'no whole header'),
        (b'short', 'no whole header'),
        (b'<html><body>not found</body></html>', 'no whole header'),
        (header([]), 'bad header'),
        (header({'a': {'dtype': 'F32', 'shape': [1]}}), 'bad header'),
        (header({'a': {'dtype': 'F99', 'shape': [1], 'data_offsets': [0, 4]}}), 'bad header'),
        (header({'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 4]}}), 'bad header'),
        (header({'a': {'dtype': 'F32', 'shape': [-1], 'data_offsets': [0, -4]}}), 'bad header'),
        (header({'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}}), 'predecessor'),
        (header({'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}), 'cut short'),
    ],
)
def test_what_is_no_weights_file_is_refused(tmp_path: Path, contents: bytes, words: str) -> None:
    path = tmp_path / 'foreign.safetensors'
    path.write_bytes(contents)
    with pytest.raises(WeightsError, match=words):
        read_entries(path)


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match='cut short'):
        list(read_weights(path))
