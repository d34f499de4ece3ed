"""Maps over camera pictures, and pictures that say why there is nothing to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from jepa_wm_ros.evaluation.canvas import draw_text
from jepa_wm_ros.evaluation.palette import GRID, MUTED, rgb
from jepa_wm_ros.viz.colours import shades

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_STRENGTH = 0.75
_STRIP_PX = 22


def overlay(
    picture: Picture,
    values: NDArray[np.float64],
    window: tuple[slice, slice],
    *,
    most: float | None = None,
) -> Picture:
    """Lay a map over the part of a picture that the model sees.

    The greater a value, the brighter and the more opaque; what the model does not see is dimmed.

    Args:
        picture: `(H, W, 3)` uint8 RGB.
        values: `(rows, columns)`, 0 or more; the map of `window`.
        window: Rows and columns of the picture that the model sees.
        most: Value of the brightest shade; None takes the greatest.
    """
    result = (picture * 0.35).astype(np.uint8)
    seen = picture[window].astype(np.float32)
    top = float(np.nanmax(values)) if most is None else most
    share = np.nan_to_num(np.clip(values, 0.0, None) / top if top > 0 else 0.0 * values)
    size = (seen.shape[1], seen.shape[0])
    wide = cv2.resize(share.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    wide = np.clip(wide, 0.0, 1.0)
    weight = (_STRENGTH * np.sqrt(wide))[..., None]
    mixed = (1 - weight) * seen + weight * (255 * shades(wide))
    result[window] = np.clip(mixed, 0, 255).astype(np.uint8)
    return result


def captioned(picture: Picture, caption: str) -> Picture:
    """Return the picture with a line of words under it."""
    strip = np.full((_STRIP_PX, picture.shape[1], 3), 255, np.uint8)
    draw_text(strip, caption, (6, 16), size=12, colour=MUTED)
    return np.concatenate([picture, strip])


def notice(text: str, size: tuple[int, int] = (180, 320)) -> Picture:
    """Return a grey picture (height, width) that says something, line by line."""
    picture = np.full((*size, 3), rgb(GRID), np.uint8)
    lines = text.split('\n')
    first = size[0] // 2 - 10 * (len(lines) - 1)
    for number, line in enumerate(lines):
        draw_text(picture, line, (size[1] // 2, first + 20 * number), size=13, anchor='mm')
    return picture
