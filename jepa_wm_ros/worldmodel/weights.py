"""Weights on disk: safetensors files, written and read tensor by tensor.

The library's own functions hold a second copy of all weights in memory while they save, and map
the file while they load. A mapped file that is replaced or goes away under a running robot ends
the process, and pages that come from the disk in the middle of a plan stall it. So the bytes of
each tensor are read straight into the memory where they stay.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import Tensor

DTYPES = {
    'F64': ('float64', 8),
    'F32': ('float32', 4),
    'F16': ('float16', 2),
    'BF16': ('bfloat16', 2),
    'I64': ('int64', 8),
    'I32': ('int32', 4),
    'I16': ('int16', 2),
    'I8': ('int8', 1),
    'U8': ('uint8', 1),
    'BOOL': ('bool', 1),
}
"""Element types by their name in the file: torch's name, and bytes."""
ALIGNMENT = 8
MAX_HEADER = 100_000_000
"""Longest header that the format allows [bytes]."""
CHUNK = 1 << 22


class WeightsError(JepaWmError):
    """A weights file is damaged or not a safetensors file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one tensor lies in a weights file.

    Attributes:
        name: Its key.
        dtype: Its element type, by torch's name.
        shape: Its shape.
        start: First byte in the file.
        size: Number of bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int

    @property
    def count(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)


def write_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file without a second copy of the weights.

    Args:
        path: The file.
        tensors: On any device; written in order of element size and name, as the library does.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    kinds = {f'torch.{ours}': theirs for theirs, (ours, _) in DTYPES.items()}
    header: dict[str, Any] = {}
    offset = 0
    for name in names:
        tensor = tensors[name]
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            'dtype': kinds[str(tensor.dtype)],
            'shape': list(tensor.shape),
            'data_offsets': [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % ALIGNMENT)
    with path.open('wb') as file:
        file.write(len(text).to_bytes(8, 'little'))
        file.write(text)
        for name in names:
            file.write(_bytes(tensors[name].detach().cpu().contiguous()))


def read_entries(path: Path) -> list[Entry]:
    """Read and check the table of contents of a weights file.

    Raises:
        WeightsError: The file is damaged or not a safetensors file.
    """
    total = path.stat().st_size
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        if total < 8 or length > min(MAX_HEADER, total - 8):
            raise WeightsError(f'{path}: damaged or not a safetensors file: no whole header')
        text = file.read(length)
    try:
        header = json.loads(text)
        header.pop('__metadata__', None)
        entries = [_entry(name, value, 8 + length) for name, value in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f'{path}: damaged or not a safetensors file: bad header ({error!r})'
        ) from error
    end = 8 + length
    for entry in sorted(entries, key=lambda e: (e.start, e.size)):
        if entry.start != end:
            raise WeightsError(f'{path}: damaged: {entry.name} does not follow its predecessor')
        end += entry.size
    if end != total:
        raise WeightsError(
            f'{path}: damaged: {total} bytes, its header speaks of {end}; was the copy cut short?'
        )
    return entries


def read_weights(
    path: Path, device: torch.device | str = 'cpu', dtypes: Mapping[str, torch.dtype] | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Read one tensor after the other.

    Args:
        path: A safetensors file.
        device: Where each tensor goes before the next one is read.
        dtypes: Element type that a tensor is converted to, by name; as in the file by default.

    Yields:
        Name and tensor, in the order of the file.

    Raises:
        WeightsError: The file is damaged or not a safetensors file.
    """
    import torch

    entries = sorted(read_entries(path), key=lambda entry: entry.start)
    with path.open('rb') as file:
        for entry in entries:
            tensor = torch.empty(entry.shape, dtype=getattr(torch, entry.dtype))
            file.seek(entry.start)
            if file.readinto(_bytes(tensor)) != entry.size:
                raise WeightsError(f'{path}: {entry.name} could not be read whole')
            wanted = None if dtypes is None else dtypes.get(entry.name)
            yield entry.name, tensor.to(device, wanted or tensor.dtype)


def differences(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Tensor]) -> list[str]:
    """Return how the tensors of a file differ from those that a network has, for messages.

    Args:
        found: Shapes by name, as the file has them.
        wanted: The network's state dict.
    """
    problems = [f'missing {name}' for name in sorted(set(wanted) - set(found))]
    problems += [f'unexpected {name}' for name in sorted(set(found) - set(wanted))]
    problems += [
        f'{name} has shape {found[name]} instead of {tuple(wanted[name].shape)}'
        for name in sorted(set(found) & set(wanted))
        if found[name] != tuple(wanted[name].shape)
    ]
    return problems


def not_finite(weights: Mapping[str, Tensor]) -> list[str]:
    """Return the names of tensors that hold values that are not finite."""
    return [name for name, tensor in weights.items() if not _finite(tensor)]


def fingerprint(path: Path) -> str:
    """Return the first 12 hex digits of the SHA-256 of a file.

    The answer is kept as long as the file's size and time of change stay the same.
    """
    status = path.stat()
    return _digest(str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ino)[:12]


@functools.lru_cache(maxsize=64)
def _digest(path: str, size: int, changed_ns: int, inode: int) -> str:
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _entry(name: str, value: Mapping[str, Any], base: int) -> Entry:
    start, end = value['data_offsets']
    (dtype, itemsize), shape = DTYPES[value['dtype']], tuple(value['shape'])
    if any(not isinstance(side, int) or side < 0 for side in shape):
        raise ValueError(f'shape of {name}')
    if end - start != math.prod(shape) * itemsize:
        raise ValueError(f'size of {name}')
    return Entry(name, dtype, shape, base + start, end - start)


def _finite(tensor: Tensor) -> bool:
    """Return whether all values are finite; a sum, which takes no memory, settles it mostly."""
    if not tensor.is_floating_point() or bool(tensor.sum().isfinite()):
        return True
    return bool(tensor.isfinite().all())


def _bytes(tensor: Tensor) -> memoryview:
    """Return the memory of a contiguous CPU tensor, not a copy."""
    import torch

    flat: Any = tensor.reshape(-1).view(torch.uint8).numpy()
    return memoryview(flat)
