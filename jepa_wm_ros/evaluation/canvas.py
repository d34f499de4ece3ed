"""Drawing on pictures: text in a proper font, curves with axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from jepa_wm_ros.evaluation.palette import GRID, INK, MUTED, rgb

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.ImageFont import FreeTypeFont

    Picture = NDArray[np.uint8]

_SUBPIXEL_BITS = 4


@cache
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return DejaVu Sans (it comes with matplotlib) of a height in pixels."""
    from pathlib import Path

    import matplotlib as mpl
    from PIL import ImageFont

    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / 'fonts' / 'ttf' / name), size)


def draw_text(
    picture: Picture,
    text: str,
    at: tuple[float, float],
    *,
    size: int = 18,
    colour: str = INK,
    bold: bool = False,
    anchor: str = 'ls',
) -> None:
    """Write text into a picture `(H, W, 3)`, in place.

    Args:
        picture: Where to write.
        text: What to write.
        at: Pixel (x, y) of the anchor.
        size: Height of the font [px].
        colour: As `#rrggbb`.
        bold: Whether in bold.
        anchor: As in Pillow: first letter l, m, r; second letter a (top), m, s (base line).
    """
    from PIL import Image, ImageDraw

    face = font(size, bold=bold)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(text, anchor=anchor))
    x, y = int(at[0]), int(at[1])
    rows = slice(max(y + top - 1, 0), y + bottom + 2)
    columns = slice(max(x + left - 1, 0), x + right + 2)
    patch = Image.fromarray(np.ascontiguousarray(picture[rows, columns]))
    place = (x - columns.start, y - rows.start)
    ImageDraw.Draw(patch).text(place, text, font=face, fill=rgb(colour), anchor=anchor)
    picture[rows, columns] = np.asarray(patch)


def paste(picture: Picture, patch: Picture, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Put a scaled picture into another, in place; `at` (x, y) and `size` (w, h) in pixels."""
    (x, y), (width, height) = at, size
    shrinks = patch.shape[1] > width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    picture[y : y + height, x : x + width] = cv2.resize(patch, size, interpolation=method)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A small line chart inside a picture.

    Attributes:
        left: Left edge of the plotting area [px].
        top: Its upper edge [px].
        width: Its width [px].
        height: Its height [px].
        x_end: Value at the right edge; the left edge is 0.
        y_end: Value at the upper edge; the lower edge is 0.
    """

    left: int
    top: int
    width: int
    height: int
    x_end: float
    y_end: float

    def points(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels `(N, 2)` of values; those above the chart are drawn at its edge."""
        right = self.left + self.width * np.asarray(x, float) / self.x_end
        down = np.clip(1 - np.asarray(y, float) / self.y_end, 0.0, 1.0)
        return np.stack([right, self.top + self.height * down], axis=-1)

    def draw_axes(self, picture: Picture, title: str, x_label: str) -> None:
        """Draw title, grid and ticks, in place."""
        draw_text(picture, title, (self.left - 44, self.top - 12), size=19, bold=True)
        bottom, right = self.top + self.height, self.left + self.width
        for value in ticks(self.y_end):
            y = int(self.points([0], [value])[0, 1])
            cv2.line(picture, (self.left, y), (right, y), rgb(GRID), 1)
            draw_text(
                picture, f'{value:g}', (self.left - 10, y), size=16, colour=MUTED, anchor='rm'
            )
        for value in ticks(self.x_end, most=8):
            x = int(self.points([value], [0])[0, 0])
            draw_text(picture, f'{value:g}', (x, bottom + 8), size=16, colour=MUTED, anchor='ma')
        draw_text(picture, x_label, (right, bottom + 30), size=16, colour=MUTED, anchor='ra')

    def draw_level(self, picture: Picture, value: float, colour: str) -> None:
        """Draw a dashed horizontal line, in place."""
        y = int(self.points([0], [value])[0, 1])
        for x in range(self.left, self.left + self.width, 14):
            cv2.line(picture, (x, y), (x + 7, y), rgb(colour), 2)

    def draw_curve(
        self,
        picture: Picture,
        x: ArrayLike,
        y: ArrayLike,
        colour: str,
        *,
        marks: bool = False,
    ) -> None:
        """Draw a curve that ends in a dot, with dots at all points if `marks`, in place."""
        if not np.size(x):
            return
        scale = 1 << _SUBPIXEL_BITS
        pixels = np.round(self.points(x, y) * scale).astype(np.int32)
        cv2.polylines(picture, [pixels], False, rgb(colour), 3, cv2.LINE_AA, _SUBPIXEL_BITS)
        for number, (column, row) in enumerate(pixels.tolist()):
            last = number == len(pixels) - 1
            if last or marks:
                radius = (7 if last else 4) * scale
                cv2.circle(
                    picture, (column, row), radius, rgb(colour), -1, cv2.LINE_AA, _SUBPIXEL_BITS
                )


def ticks(end: float, most: int = 5) -> list[float]:
    """Return round values from 0 to `end`, at most `most` steps apart."""
    if not end > 0:
        return [0.0]
    raw = end / most
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    return [float(round(number * step, 10)) for number in range(int(end / step * 1.0001) + 1)]
