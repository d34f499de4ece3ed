"""Which part of a picture a model sees, found by looking: paint it, and see what changes."""

import dataclasses

import numpy as np
import pytest

from jepa_wm_ros.worldmodel.camera import prepare
from jepa_wm_ros.worldmodel.contract import CameraContract
from jepa_wm_ros.worldmodel.framing import seen_window

SIZE = 180, 320


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'crop': 'none'},
        {'order': 'resize_crop', 'resize': 'bilinear_antialias'},
    ],
)
def test_only_the_seen_part_reaches_the_model(changes):
    camera = dataclasses.replace(CameraContract(width=64, height=64), **changes)
    rows, columns = seen_window(SIZE, camera)
    inside = np.zeros((*SIZE, 3), np.uint8)
    inside[rows, columns] = 200
    outside = 200 - inside
    blank = prepare(np.zeros((*SIZE, 3), np.uint8), camera)
    seen = (prepare(outside, camera) - blank).abs()
    assert float(seen[:, 2:-2, 2:-2].max()) < 1e-3  # kernels reach over the edge by a pixel or two
    assert float((prepare(inside, camera) - blank).abs().min()) > 0.1
