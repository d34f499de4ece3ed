"""Emulated cameras publish what their drivers publish."""

import numpy as np
import pytest

from jepa_wm_ros.robot.images import decode_raw
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.sim.drivers.cameras import CAMERAS, CameraProfileError

PICTURE = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ('camera', 'encoding', 'channels'), [('zed', 'bgra8', 4), ('realsense', 'rgb8', 3)]
)
def test_size_and_colours_survive_the_driver(camera, encoding, channels):
    profile = CAMERAS[camera]
    pixels = profile.convert(PICTURE)
    assert (profile.encoding, pixels.shape) == (encoding, (360, 640, channels))
    seen = decode_raw(encode_image(pixels, encoding=profile.encoding))
    np.testing.assert_array_equal(seen[::2, ::2], PICTURE)


def test_a_picture_of_another_shape_is_refused():
    with pytest.raises(CameraProfileError, match='640 x 360'):
        CAMERAS['zed'].convert(PICTURE[:170])
