"""Shapes in a viser scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from transforms3d.quaternions import mat2quat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from jepa_wm_ros.viz.shapes import Shape

_ROOT = '/layers'


class ShapeScene:
    """Draws shapes, replaces those of the same layer and number, and removes what is gone.

    Args:
        scene: viser's `SceneApi`.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._drawn: dict[str, tuple[Shape, Any]] = {}
        self._frames: dict[str, Any] = {}
        self._hidden: set[str] = set()

    def draw(self, shapes: Iterable[Shape]) -> None:
        """Show these shapes and no others; those of hidden layers are left out.

        What has not changed stays as it is.
        """
        before, self._drawn = self._drawn, {}
        for shape in shapes:
            if shape.layer not in self._hidden:
                name = f'{_ROOT}/{shape.layer}/{shape.number}'
                old = before.pop(name, None)
                if old is not None and _same(old[0], shape):
                    self._drawn[name] = old
                    continue
                if old is not None:
                    old[1].remove()
                self._drawn[name] = shape, self._add(name, shape)
        for _, handle in before.values():
            handle.remove()

    def show(self, layer: str, *, visible: bool) -> None:
        """Switch a layer on or off, from the next drawing on."""
        (self._hidden.discard if visible else self._hidden.add)(layer)

    def _add(self, name: str, shape: Shape) -> Any:
        scene = self._scene
        if shape.kind in ('line', 'segments'):
            points, colours = _pairs(shape)
            return scene.add_line_segments(name, points, colours, thickness=shape.size)
        if shape.kind == 'points':
            colours = _bytes(shape.own_colours)
            return scene.add_point_cloud(
                name,
                shape.points.astype(np.float32),
                colours,
                point_size=shape.size,
                point_shape='circle',
                precision='float32',
            )
        self._put(name, shape)
        inner = f'{name}/shape'
        if shape.kind == 'box':
            red, green, blue, opacity = shape.colours
            return scene.add_box(
                inner,
                color=tuple(int(255 * part) for part in (red, green, blue)),
                dimensions=shape.edges,
                opacity=float(opacity),
                cast_shadow=False,
                receive_shadow=False,
            )
        if shape.kind == 'axes':
            length = shape.size
            return scene.add_frame(inner, axes_length=length, axes_radius=0.05 * length)
        return scene.add_label(inner, shape.text, anchor='bottom-center')

    def _put(self, name: str, shape: Shape) -> None:
        """Place the frame that a shape stands in.

        The frame stays when the shape is replaced: viser forgets the pose of what is added again
        under its old name.
        """
        if name not in self._frames:
            self._frames[name] = self._scene.add_frame(name, show_axes=False)
        frame = self._frames[name]
        frame.wxyz, frame.position = mat2quat(shape.pose.rotation), shape.pose.position


def _same(one: Shape, other: Shape) -> bool:
    """Whether two shapes of one name look the same."""
    return (
        (one.kind, one.size, one.edges, one.text)
        == (other.kind, other.size, other.edges, other.text)
        and np.array_equal(one.points, other.points)
        and np.array_equal(one.colours, other.colours)
        and np.array_equal(one.pose.position, other.pose.position)
        and np.array_equal(one.pose.rotation, other.pose.rotation)
    )


def _pairs(shape: Shape) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return ends `(N, 2, 3)` and colours `(N, 2, 3)` of the segments of a line."""
    points, colours = shape.points.astype(np.float32), _bytes(shape.own_colours)
    if shape.kind == 'segments':
        return points.reshape(-1, 2, 3), colours.reshape(-1, 2, 3)
    return np.stack([points[:-1], points[1:]], 1), np.stack([colours[:-1], colours[1:]], 1)


def _bytes(colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return colours `(N, 3)` on the page's white ground: its lines know no opacity."""
    opacity = colours[:, 3:]
    mixed = opacity * colours[:, :3] + (1.0 - opacity)
    return np.clip(np.round(255 * mixed), 0, 255).astype(np.uint8)
