"""A thing to draw in space, whatever draws it: RViz through markers, or a browser."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import Pose

KINDS = ('line', 'segments', 'points', 'box', 'text', 'axes')


class ShapeError(JepaWmError):
    """A shape that nothing can draw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One shape in the robot's base frame.

    Attributes:
        layer: What it belongs to; people switch layers on and off.
        number: Tells it from the others of its layer, and stays the same from one drawing to the
            next.
        kind: `line` through all points, `segments` between pairs of them, `points`, `box`,
            `text` or `axes` (of a pose).
        points: `(N, 3)` [m], for lines, segments and points.
        colours: `(4,)` red, green, blue, opacity within 0..1, or `(N, 4)`, one for each point.
        size: Width of lines and points [m], height of text [m], length of axes [m].
        pose: Centre of a box, place of a text or of axes.
        edges: `(3,)` edges of a box [m].
        text: What a text says.
    """

    layer: str
    number: int
    kind: str
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    colours: NDArray[np.float64] = field(default_factory=lambda: np.ones(4))
    size: float = 0.01
    pose: Pose = field(default_factory=Pose.identity)
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
    text: str = ''

    def __post_init__(self) -> None:
        """Check what a display would reject without a word.

        Raises:
            ShapeError: Unknown kind, a size of 0, numbers that are not finite, or colours that
                fit neither the shape nor its points.
        """
        if self.kind not in KINDS:
            raise ShapeError(f'{self.layer}: kind {self.kind!r}; accepted: {", ".join(KINDS)}')
        if not (self.size > 0 and min(self.edges) > 0):
            raise ShapeError(f'{self.layer}: size {self.size} and edges {self.edges} must be > 0')
        finite = np.isfinite(self.points).all() and np.isfinite(self.colours).all()
        if not (finite and self.pose.finite):
            raise ShapeError(f'{self.layer}: points, colours and pose must be finite')
        if self.colours.shape not in ((4,), (len(self.points), 4)):
            raise ShapeError(
                f'{self.layer}: colours must be of shape (4,) or ({len(self.points)}, 4), got '
                f'{self.colours.shape}'
            )

    @property
    def own_colours(self) -> NDArray[np.float64]:
        """The colour `(N, 4)` of each point."""
        return np.broadcast_to(self.colours, (len(self.points), 4))


def box_between(
    layer: str, number: int, lower: ArrayLike, upper: ArrayLike, colour: NDArray[np.float64]
) -> Shape:
    """Return the box with these corners `(3,)` [m]; flat sides get a millimetre.

    Raises:
        ShapeError: A corner is not finite.
    """
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    x, y, z = (float(max(edge, 1e-3)) for edge in high - low)
    centre = Pose((low + high) / 2)
    return Shape(
        layer=layer, number=number, kind='box', pose=centre, edges=(x, y, z), colours=colour
    )


def box_edges(
    layer: str, number: int, lower: ArrayLike, upper: ArrayLike, colour: NDArray[np.float64]
) -> Shape:
    """Return the twelve edges of the box with these corners `(3,)` [m]."""
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    corners = np.array([[(low, high)[i >> axis & 1][axis] for axis in range(3)] for i in range(8)])
    pairs = [(i, i | 1 << axis) for axis in range(3) for i in range(8) if not i >> axis & 1]
    points = corners[np.array(pairs).ravel()]
    return Shape(
        layer=layer, number=number, kind='segments', points=points, colours=colour, size=0.003
    )
