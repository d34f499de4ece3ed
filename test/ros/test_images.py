import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image

from jepa_wm_ros.robot.images import transport_topic
from jepa_wm_ros.ros.images import (
    ImageMessageError,
    byte_array,
    decode_image,
    encode_compressed,
    encode_image,
    image_facts,
)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def message_of(pixels, encoding, padding=0):
    rows = pixels.reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    message = Image(encoding=encoding, height=pixels.shape[0], width=pixels.shape[1])
    message.step = rows.shape[1]
    message.data = byte_array(rows)
    return message


def test_a_picture_survives_the_message(picture):
    message = encode_image(picture, stamp=Time(sec=3, nanosec=4), frame_id='camera')
    assert (message.encoding, message.step, message.header.frame_id) == ('rgb8', 21, 'camera')
    assert message.header.stamp.sec == 3
    np.testing.assert_array_equal(decode_image(message), picture)


@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8'])
def test_every_colour_encoding_gives_the_same_rgb(picture, encoding, padding):
    pixels = picture if encoding.startswith('rgb') else picture[..., ::-1]
    if encoding.endswith('a8'):
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 7)], axis=-1)
    decoded = decode_image(message_of(pixels, encoding, padding))
    np.testing.assert_array_equal(decoded, picture)
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize('padding', [0, 2])
def test_grey_becomes_three_equal_channels(picture, padding):
    decoded = decode_image(message_of(picture[..., :1], 'mono8', padding))
    np.testing.assert_array_equal(decoded, picture[..., :1].repeat(3, axis=2))


def test_the_last_row_may_lack_its_padding(picture):
    message = message_of(picture, 'rgb8', padding=4)
    message.data = message.data[:-4]
    np.testing.assert_array_equal(decode_image(message), picture)


def test_a_truncated_picture_is_refused_with_both_sizes(picture):
    message = message_of(picture, 'rgb8')
    message.data = message.data[:-1]
    with pytest.raises(ImageMessageError, match=r'truncated: 7 x 5 rgb8 .* needs 105 .* got 104'):
        decode_image(message)


@pytest.mark.parametrize('encoding', ['', '16UC1', 'yuv422', 'RGB8'])
def test_an_unknown_encoding_is_refused_with_the_accepted_ones(picture, encoding):
    message = message_of(picture, encoding)
    with pytest.raises(ImageMessageError, match='accepted: rgb8, bgr8, rgba8, bgra8, mono8'):
        decode_image(message)


def test_no_pixels_and_short_rows_are_refused(picture):
    with pytest.raises(ImageMessageError, match='no pixels: 0 x 0'):
        decode_image(Image(encoding='rgb8'))
    message = message_of(picture, 'rgb8')
    message.step = 20
    with pytest.raises(ImageMessageError, match='step is 20 bytes'):
        decode_image(message)


def test_compressed_pictures_come_out_as_rgb(picture):
    import cv2

    _, png = cv2.imencode('.png', picture[..., ::-1])
    message = CompressedImage(format='png', data=byte_array(png))
    np.testing.assert_array_equal(decode_image(message), picture)


@pytest.mark.parametrize('data', [b'', b'\xff\xd8\xff\xe0 no picture'])
def test_a_broken_compressed_picture_is_refused(data):
    message = CompressedImage(format='jpeg', data=byte_array(np.frombuffer(data, np.uint8)))
    with pytest.raises(ImageMessageError, match="format 'jpeg'"):
        decode_image(message)


@pytest.mark.parametrize(('shape', 'dtype'), [((5, 7), np.uint8), ((5, 7, 3), np.float32)])
def test_only_colour_bytes_are_sent(shape, dtype):
    with pytest.raises(ImageMessageError, match='must be'):
        encode_image(np.zeros(shape, dtype))


@pytest.mark.parametrize('encoding', ['rgb8', 'bgra8'])
def test_images_are_compressed_as_image_transport_does(encoding):
    channels = 4 if encoding == 'bgra8' else 3
    picture = np.full((24, 32, channels), 200, np.uint8)
    picture[..., 0] = 40
    raw = encode_image(picture, frame_id='eye', encoding=encoding)
    message = encode_compressed(raw)
    assert message.format == f'{encoding}; jpeg compressed bgr8'
    assert message.header.frame_id == 'eye'
    assert np.abs(decode_image(message).astype(int) - decode_image(raw)).max() < 10
    assert (image_facts(message).size, image_facts(raw).size) == (None, (32, 24))


def test_a_transport_has_a_topic_of_its_own():
    assert transport_topic('/eye/image', 'raw') == '/eye/image'
    assert transport_topic('/eye/image', 'compressed') == '/eye/image/compressed'
    assert transport_topic('/eye/image/compressed', 'compressed') == '/eye/image/compressed'
