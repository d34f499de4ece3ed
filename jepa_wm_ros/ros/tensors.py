"""Tensor and latent messages to arrays and back.

`jepa_wm_msgs/Tensor` has the fields of a DLPack tensor, so it can carry every type that torch
and NumPy share, and bfloat16, which NumPy does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import Tensor

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.images import byte_array

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.latent import Latent

_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6
_KINDS = {'i': _INT, 'u': _UINT, 'f': _FLOAT, 'b': _BOOL}
_LETTERS = {code: letter for letter, code in _KINDS.items()}


class TensorMessageError(JepaWmError):
    """A tensor message whose fields contradict each other or that we cannot represent."""


def encode_array(values: NDArray[Any]) -> Tensor:
    """Write an array of booleans, integers or floats into a message, contiguous.

    A scalar becomes shape (1,), because an empty shape means that there is no tensor.

    Raises:
        TensorMessageError: The array's type has no DLPack code (complex, objects, strings).
    """
    code = _KINDS.get(values.dtype.kind)
    if code is None:
        raise TensorMessageError(
            f'arrays of {values.dtype} cannot be sent; accepted: bool, integers, floats'
        )
    values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder('<'), copy=False))
    return _message(values, code, values.dtype.itemsize * 8)


def decode_array(message: Tensor) -> NDArray[Any]:
    """Read a message without copying; keep the message alive while the array is used.

    Returns:
        Array of the message's shape; bfloat16 comes as float32 (a copy).

    Raises:
        TensorMessageError: Unknown type, wrong strides, or fewer bytes than the shape needs.
    """
    if message.dtype_code == _BFLOAT and message.dtype_bits == 16:
        upper = _view(message, np.dtype('<u2')).astype(np.uint32)
        return (upper << np.uint32(16)).view(np.float32)
    letter = _LETTERS.get(message.dtype_code)
    if letter is None or message.dtype_bits not in (8, 16, 32, 64) or message.dtype_lanes != 1:
        raise TensorMessageError(
            f'tensor type (code {message.dtype_code}, {message.dtype_bits} bits, '
            f'{message.dtype_lanes} lanes) is not supported; accepted: codes 0 int, 1 uint, '
            '2 float, 4 bfloat, 6 bool with 8 to 64 bits and one lane'
        )
    return _view(message, np.dtype(f'<{letter}{message.dtype_bits // 8}'))


def encode_tensor(values: torch.Tensor) -> Tensor:
    """Write a torch tensor of any device into a message."""
    import torch

    values = values.detach().cpu()
    if values.dtype == torch.bfloat16:
        return _message(values.contiguous().view(torch.uint16).numpy(), _BFLOAT, 16)
    return encode_array(values.numpy())


def decode_tensor(message: Tensor) -> torch.Tensor:
    """Read a message into a torch tensor on the CPU that owns its memory.

    Raises:
        TensorMessageError: As `decode_array`.
    """
    import torch

    values = torch.from_numpy(np.array(decode_array(message)))
    return values.bfloat16() if message.dtype_code == _BFLOAT else values


def encode_latent(latent: Latent) -> LatentMessage:
    """Write the tensors of a latent; header, bundle, pose and gripper are the caller's."""
    message = LatentMessage()
    message.tokens = encode_tensor(latent.tokens)
    if latent.proprio is not None:
        message.proprio = encode_tensor(latent.proprio)
    return message


def decode_latent(message: LatentMessage) -> Latent:
    """Read the tensors of a latent message, proprio None when it has no dimensions.

    Raises:
        TensorMessageError: As `decode_array`.
    """
    from jepa_wm_ros.worldmodel.latent import Latent

    proprio = decode_tensor(message.proprio) if len(message.proprio.shape) else None
    return Latent(tokens=decode_tensor(message.tokens), proprio=proprio)


def _message(values: NDArray[Any], code: int, bits: int) -> Tensor:
    message = Tensor()
    message.dtype_code, message.dtype_bits, message.dtype_lanes = code, bits, 1
    message.shape = list(values.shape)
    message.strides = [step // values.itemsize for step in values.strides]
    message.byte_offset = 0
    message.data = byte_array(values)
    return message


def _view(message: Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    shape = tuple(message.shape)
    strides = tuple(message.strides)
    if len(strides) not in (0, len(shape)) or min(shape + strides, default=0) < 0:
        raise TensorMessageError(f'tensor shape {shape} and strides {strides} do not fit')
    if not strides:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    needed = dtype.itemsize
    needed += sum((n - 1) * step * dtype.itemsize for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and message.byte_offset + needed > len(message.data):
        raise TensorMessageError(
            f'tensor is truncated: shape {shape} of {dtype} needs {needed} bytes after offset '
            f'{message.byte_offset}, got {len(message.data)} in all'
        )
    if 0 in shape:
        return np.zeros(shape, dtype)
    return np.ndarray(
        shape,
        dtype,
        np.frombuffer(message.data, np.uint8),
        offset=message.byte_offset,
        strides=tuple(step * dtype.itemsize for step in strides),
    )
