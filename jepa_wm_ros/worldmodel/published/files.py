"""Reading published checkpoint files without running what is in them.

PyTorch's files are pickles: reading one in full can run any code. So only tensors and plain
containers are taken (`weights_only=True`), and what holds more is refused. The tensors stay mapped
to the file until they are used, so that the state of an optimiser beside them costs nothing.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.worldmodel.published.ledger import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

SUFFIXES = ('.pth', '.pt', '.pth.tar', '.ckpt', '.bin', '.safetensors')
"""What the names of checkpoints end with; the contents decide how they are read."""

ZIP, PICKLE = b'PK\x03\x04', b'\x80\x02'
LFS = b'version https://git-lfs'

CONVERSION = (
    "python -c \"import torch; m = torch.load('{name}', map_location='cpu', weights_only=False); "
    "torch.save(m.state_dict() if hasattr(m, 'state_dict') else {{k: v.state_dict() "
    "for k, v in m.items() if hasattr(v, 'state_dict')}}, 'weights.pt')\""
)
"""Turns pickled modules into tensors, on a machine that may run the file's code."""


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a checkpoint file.

    Args:
        path: A file of `torch.save` or a safetensors file, whatever its name says.

    Returns:
        Tensors on the CPU by name; nested dictionaries and lists are joined with dots. What is
        no tensor (numbers of epochs and the like) is left out.

    Raises:
        CheckpointError: The file is missing, truncated, foreign, or holds pickled Python objects.
    """
    if path.is_dir():
        raise CheckpointError(f'{path} is a folder; name the checkpoint file in it')
    if not path.is_file():
        raise CheckpointError(f'{path} is missing')
    with path.open('rb') as file:
        head = file.read(64)
    if head[8:9] == b'{':
        return _read_safetensors(path)
    if head.startswith((ZIP, PICKLE)):
        tensors = dict(_flatten(_load(path), ''))
        if not tensors:
            raise CheckpointError(f'{path} holds no tensors')
        return tensors
    raise CheckpointError(f'{path} is not a checkpoint: {_looks(head)}')


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f'{path} is truncated or damaged: {error}') from error
    return tensors


def _load(path: Path) -> Any:
    """Load containers and tensors, mapped where the file's format allows it."""
    import torch

    whole = zipfile.is_zipfile(path)
    with path.open('rb') as file:
        if file.read(4) == ZIP and not whole:
            raise CheckpointError(f'{path} is truncated: the end of the archive is missing')
    try:
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location='cpu', weights_only=True, mmap=whole or None)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_pickled(path, str(error))) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f'{path} is truncated, or no checkpoint: {reason}') from error


def _harmless() -> list[Any]:
    """Classes that hold a number and run nothing, which training code leaves in checkpoints."""
    import numpy as np

    scalars = [np.dtype, *{type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'b1')}]
    core = getattr(np, '_core', None) or np.core
    scalar = core.multiarray.scalar
    return [scalar, (scalar, 'numpy.core.multiarray.scalar'), *scalars]


def _pickled(path: Path, message: str) -> str:
    match = re.search(r'GLOBAL ([\w.]+)', message) or re.search(r'`?([\w]+\.[\w.]+)`?', message)
    what = f' ({match.group(1)})' if match else ''
    return (
        f'{path} holds pickled Python objects{what}; loading those runs code, so it is refused. '
        'Convert it once, where it may run and its source code is installed: '
        f'{CONVERSION.format(name=path.name)}; then import weights.pt'
    )


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value.detach()
        return
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(str(i), item) for i, item in enumerate(value)]
    else:
        return
    for key, item in items:
        yield from _flatten(item, f'{name}.{key}' if name else key)


def _looks(head: bytes) -> str:
    if not head:
        return 'it is empty'
    if head.startswith(LFS):
        return 'it is a pointer of Git LFS; fetch the file itself with `git lfs pull`'
    if head.lstrip()[:1] == b'<':
        return 'it is a web page; was the download refused?'
    return (
        f'it begins with {head[:8]!r}; accepted are files of torch.save and safetensors '
        f'({", ".join(SUFFIXES)})'
    )
