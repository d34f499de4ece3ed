"""Goal pictures from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


PICTURES = ('.png', '.jpg', '.jpeg')
"""Endings of picture files that are looked for in folders."""


class PictureFileError(JepaWmError):
    """A file does not hold a picture that can be a goal."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file (PNG, JPEG and whatever else Pillow knows).

    Args:
        path: The file.

    Returns:
        `(H, W, 3)` uint8 RGB.

    Raises:
        PictureFileError: It does not exist, is no picture, is truncated or shows nothing.
    """
    from PIL import Image, UnidentifiedImageError

    from jepa_wm_ros.worldmodel.camera import FLAT_STD

    try:
        with Image.open(path) as image:
            picture = np.asarray(image.convert('RGB'), dtype=np.uint8)
    except FileNotFoundError:
        raise PictureFileError(
            f'{path} does not exist; give a picture file, PNG or JPEG'
        ) from None
    except UnidentifiedImageError:
        raise PictureFileError(f'{path} is not a picture; give a PNG or JPEG file') from None
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureFileError(
            f'{path} cannot be read: {error}; save the picture again'
        ) from error
    if float(picture.std()) < FLAT_STD:
        raise PictureFileError(
            f'{path} shows nothing: all of it has nearly one colour (mean {picture.mean():.0f} of '
            '255); was the lens covered?'
        )
    return picture


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write `(H, W, 3)` uint8 RGB as PNG.

    Raises:
        PictureFileError: The file cannot be written.
    """
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    except OSError as error:
        raise PictureFileError(f'cannot write {path}: {error.strerror or error}') from error
