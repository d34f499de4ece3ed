"""Where a picture is cut and how it is resized: rules that published models were made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import CameraContract

Size = tuple[int, int]
"""Height and width [px]."""
Window = tuple[slice, slice]
"""Rows and columns."""


def window_before_resize(size: Size, camera: CameraContract) -> Window:
    """Return the part of a picture of `size` that the crop keeps, when it comes first.

    Rounding is that of torchvision's resized crops when no random crop fits: half to even for
    the sides, down for the offsets.
    """
    height, width = size
    if camera.crop == 'center_square':
        height = width = min(height, width)
    elif camera.crop == 'center_aspect':
        low, high = camera.aspect_range
        if width / height > high:
            width = round(height * high)
        elif width / height < low:
            height = round(width / low)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return slice(top, top + height), slice(left, left + width)


def covering_size(size: Size, camera: CameraContract) -> Size:
    """Return the size to which a picture of `size` is resized before the centre is cut out.

    Its shorter side becomes that of the contract, the longer one keeps the aspect, rounded down
    (torchvision's resize to one number). Without a crop, the contract's size.
    """
    if camera.crop == 'none':
        return camera.height, camera.width
    height, width = size
    side = camera.height
    if height <= width:
        return side, int(side * width / height)
    return int(side * height / width), side


def window_after_resize(size: Size, camera: CameraContract) -> Window:
    """Return the centre of a resized picture of `size`; offsets round half to even."""
    top = round((size[0] - camera.height) / 2.0)
    left = round((size[1] - camera.width) / 2.0)
    return slice(top, top + camera.height), slice(left, left + camera.width)


def seen_window(size: Size, camera: CameraContract) -> Window:
    """Return the part of a picture of `size` that the model sees, whatever comes first.

    With a crop after resizing it is right to a pixel, whose parts belong to both sides.
    """
    if camera.order != 'resize_crop':
        return window_before_resize(size, camera)
    covering = covering_size(size, camera)
    rows, columns = window_after_resize(covering, camera)
    up, aside = size[0] / covering[0], size[1] / covering[1]
    return (
        slice(round(rows.start * up), round(rows.stop * up)),
        slice(round(columns.start * aside), round(columns.stop * aside)),
    )


def resized(values: Tensor, size: Size, kernel: str) -> Tensor:
    """Resize float pictures.

    Args:
        values: `(..., 3, h, w)`.
        size: Height and width wanted [px].
        kernel: `bilinear` or `bicubic`, with `_antialias` for a kernel that widens when it
            shrinks a picture.

    Returns:
        `(..., 3, *size)`.
    """
    from torch.nn.functional import interpolate

    if values.shape[-2:] == size:
        return values
    mode = kernel.removesuffix('_antialias')
    flat = values.reshape(-1, *values.shape[-3:])
    done = interpolate(flat, size, mode=mode, antialias=mode != kernel, align_corners=False)
    return done.reshape(*values.shape[:-2], *size)
