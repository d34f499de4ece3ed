import numpy as np
import pytest
import torch
from builtin_interfaces.msg import Time

from jepa_wm_ros.robot.poses import PoseError, from_euler
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose, encode_stamp
from jepa_wm_ros.ros.tensors import (
    TensorMessageError,
    decode_array,
    decode_latent,
    decode_tensor,
    encode_array,
    encode_latent,
    encode_tensor,
)
from jepa_wm_ros.worldmodel.latent import Latent


@pytest.mark.parametrize('dtype', ['f2', 'f4', 'f8', 'i1', 'i8', 'u1', 'u2', '?'])
@pytest.mark.parametrize('shape', [(1,), (2, 3), (2, 0, 3), (1, 4, 5)])
def test_arrays_survive_the_message(dtype, shape):
    values = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    decoded = decode_array(encode_array(values))
    np.testing.assert_array_equal(decoded, values)
    assert decoded.dtype == values.dtype
    assert decoded.shape == values.shape


def test_big_endian_and_strided_arrays_arrive_right():
    values = np.arange(24, dtype='>f4').reshape(4, 6)[::2, ::-3].T
    np.testing.assert_array_equal(decode_array(encode_array(values)), values)


def test_strides_and_offset_of_the_sender_are_honoured():
    message = encode_array(np.arange(12, dtype=np.float32))
    message.shape, message.strides, message.byte_offset = [2, 3], [1, 4], 4
    expected = [[1, 5, 9], [2, 6, 10]]
    np.testing.assert_array_equal(decode_array(message), expected)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16, torch.int64])
def test_tensors_keep_their_type(dtype):
    values = torch.linspace(-3, 3, 10).reshape(2, 5).to(dtype)
    decoded = decode_tensor(encode_tensor(values))
    assert decoded.dtype == dtype
    assert torch.equal(decoded, values)


@pytest.mark.parametrize('proprio', [None, torch.arange(3.0)[None]])
def test_latents_survive_the_message(proprio):
    latent = Latent(tokens=torch.rand(1, 4, 8), proprio=proprio)
    decoded = decode_latent(encode_latent(latent))
    assert torch.equal(decoded.tokens, latent.tokens)
    assert (decoded.proprio is None) == (proprio is None)
    assert proprio is None or torch.equal(decoded.proprio, proprio)


def test_a_truncated_tensor_is_refused():
    message = encode_array(np.zeros((2, 3), np.float32))
    message.data = message.data[:-1]
    with pytest.raises(TensorMessageError, match=r'needs 24 bytes .* got 23'):
        decode_array(message)


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('dtype_code', 5),
        ('dtype_bits', 7),
        ('dtype_lanes', 4),
        ('strides', [1]),
        ('shape', [-1, 3]),
    ],
)
def test_contradictory_tensors_are_refused(field, value):
    message = encode_array(np.zeros((2, 3), np.float32))
    setattr(message, field, value)
    with pytest.raises(TensorMessageError):
        decode_array(message)


def test_types_without_a_code_are_refused():
    with pytest.raises(TensorMessageError, match='complex128'):
        encode_array(np.zeros(2, complex))


def test_poses_survive_the_message():
    pose = from_euler([0.4, -0.1, 0.5], [3.0, 0.3, -2.0])
    message = encode_pose(pose)
    assert message.orientation.w >= 0
    decoded = decode_pose(message)
    np.testing.assert_allclose(decoded.position, pose.position)
    np.testing.assert_allclose(decoded.rotation, pose.rotation, atol=1e-12)


def test_an_unset_quaternion_is_refused():
    message = encode_pose(from_euler([0, 0, 0], [0, 0, 0]))
    message.orientation.w = 0.0
    with pytest.raises(PoseError):
        decode_pose(message)


@pytest.mark.parametrize('seconds', [0.0, 1.5, 1_763_000_000.123456])
def test_stamps_survive_the_message(seconds):
    assert decode_stamp(encode_stamp(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_stamps_never_overflow_their_nanoseconds():
    assert encode_stamp(0.9999999999) == Time(sec=1, nanosec=0)
