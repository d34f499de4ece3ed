"""Small pictures for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WIDTH_PX = 200
_QUALITY = 88


def thumbnail(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture `(H, W, 3)` RGB as a small JPEG file."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, WIDTH_PX / width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode('.jpg', small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)


def as_picture(decoded: Tensor) -> NDArray[np.uint8]:
    """Return `(H, W, 3)` RGB of a decoded latent `(3, H, W)` in [0, 1]."""
    numbers = decoded.detach().cpu().numpy()
    return np.asarray(np.rint(255.0 * numbers.transpose(1, 2, 0).clip(0, 1)), dtype=np.uint8)
