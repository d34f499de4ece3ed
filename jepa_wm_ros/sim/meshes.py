"""Link meshes of the cell, modelled as smooth unions of simple solids and polygonised.

Every solid is a signed distance field (negative inside) [m]. Their smooth union gives rounded,
organic links without a CAD model; `polygonise` turns it into triangles. To write the files that
`urdf/droid_cell.urdf` refers to, run `python -m jepa_wm_ros.sim.meshes urdf/meshes`.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Field = Callable[[Array], Array]
"""Maps points (N, 3) [m] to signed distances (N,) [m]."""


def rod(start: Sequence[float], end: Sequence[float], radius: float, rounding: float) -> Field:
    """A cylinder from `start` to `end` [m] whose edges are rounded by `rounding` [m]."""
    origin, tip = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(tip - origin))
    axis = (tip - origin) / length

    def distance(points: Array) -> Array:
        relative = points - origin
        along = relative @ axis
        radial = np.linalg.norm(relative - along[:, None] * axis, axis=1)
        outside = np.stack(
            [radial - radius + rounding, np.abs(along - length / 2) - length / 2 + rounding],
            axis=1,
        )
        return _box_distance(outside) - rounding

    return distance


def cone(start: Sequence[float], end: Sequence[float], radii: tuple[float, float]) -> Field:
    """A capsule from `start` to `end` [m] whose radius [m] changes linearly (approximate)."""
    origin, span = np.asarray(start, float), np.subtract(end, start)

    def distance(points: Array) -> Array:
        relative = points - origin
        fraction = np.clip(relative @ span / (span @ span), 0.0, 1.0)
        gap = np.linalg.norm(relative - fraction[:, None] * span, axis=1)
        return gap - (radii[0] + fraction * (radii[1] - radii[0]))

    return distance


def box(centre: Sequence[float], half_size: Sequence[float], rounding: float) -> Field:
    """An axis-aligned box [m] whose edges are rounded by `rounding` [m]."""
    middle, half = np.asarray(centre, float), np.asarray(half_size, float)

    def distance(points: Array) -> Array:
        return _box_distance(np.abs(points - middle) - half + rounding) - rounding

    return distance


def blend(fields: Sequence[Field], radius: float) -> Field:
    """The union of `fields` with fillets of about `radius` [m]."""

    def distance(points: Array) -> Array:
        result = fields[0](points)
        for field in fields[1:]:
            other = field(points)
            overlap = np.maximum(radius - np.abs(result - other), 0.0) / radius
            result = np.minimum(result, other) - overlap**2 * radius / 4
        return result

    return distance


def _box_distance(outside: Array) -> Array:
    """Distance to a box from the signed excess (N, D) of each coordinate over its half size."""
    return np.linalg.norm(np.maximum(outside, 0.0), axis=1) + np.minimum(outside.max(axis=1), 0.0)


@dataclass(frozen=True, slots=True)
class Mesh:
    """Vertices (V, 3) [m] and counter-clockwise faces (F, 3) of vertex indices."""

    vertices: Array
    faces: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write a Wavefront OBJ file with 0.1 mm resolution."""
        lines = [f'v {x:.4f} {y:.4f} {z:.4f}' for x, y, z in self.vertices]
        lines += [f'f {a} {b} {c}' for a, b, c in self.faces + 1]
        path.write_text('\n'.join(lines) + '\n', encoding='ascii')


def polygonise(field: Field, lower: Sequence[float], upper: Sequence[float], cell: float) -> Mesh:
    """Surface nets: one vertex per lattice cell that the surface crosses, pulled onto the surface.

    Args:
        field: the solid.
        lower: corner of a box (3,) [m] that contains the solid with a margin of one cell.
        upper: the opposite corner (3,) [m].
        cell: lattice spacing [m].

    Returns:
        A closed mesh with outward normals.
    """
    counts = (np.ceil(np.subtract(upper, lower) / cell).astype(int) + 1).tolist()
    lattice = np.moveaxis(np.indices(counts), 0, -1).reshape(-1, 3) * cell + np.asarray(lower)
    inside = (field(lattice) < 0).reshape(counts)
    quads = np.concatenate([_crossed_edges(inside, axis) for axis in range(3)])
    used, index = np.unique(quads.reshape(-1, 3), axis=0, return_inverse=True)
    vertices = _pull(field, (used + 0.5) * cell + np.asarray(lower), cell)
    corners = index.reshape(-1, 4)
    return Mesh(vertices, np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]))


def _crossed_edges(inside: NDArray[np.bool_], axis: int) -> NDArray[np.int64]:
    """Cells (Q, 4, 3) around each lattice edge along `axis` that crosses the surface."""
    along = np.moveaxis(inside, axis, 0)
    start = np.argwhere(along[:-1] != along[1:])
    leaving = along[tuple(start.T)]
    around = np.array([[0, -1, -1], [0, 0, -1], [0, 0, 0], [0, -1, 0]])
    quads = start[:, None, :] + around
    quads[~leaving] = quads[~leaving][:, ::-1]
    order = np.argsort([axis, *(other for other in range(3) if other != axis)])
    # Moving the axis to the front mirrors the lattice for the middle axis: turn its quads round.
    return quads[:, ::-1, order] if axis == 1 else quads[..., order]


def _pull(field: Field, points: Array, cell: float) -> Array:
    """Newton steps along the numerical gradient until the points lie on the surface."""
    step = 1e-4 * np.eye(3)
    for _ in range(6):
        value = field(points)
        slope = np.stack([(field(points + d) - field(points - d)) / 2e-4 for d in step], axis=1)
        move = value[:, None] * slope / np.maximum((slope**2).sum(1, keepdims=True), 0.05)
        points = points - np.clip(move, -cell / 2, cell / 2)
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A link as a union of solids, and the box and spacing with which it is polygonised [m]."""

    solids: tuple[Field, ...]
    fillet: float
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    cell: float

    def mesh(self) -> Mesh:
        """Return the triangles, in the link frame."""
        return polygonise(blend(self.solids, self.fillet), self.lower, self.upper, self.cell)


SHAPES = {
    'link0': Shape(
        solids=(
            rod((0, 0, 0), (0, 0, 0.14), 0.072, 0.02),
            box((-0.05, 0, 0.035), (0.095, 0.085, 0.035), 0.02),
        ),
        fillet=0.06,
        lower=(-0.17, -0.11, -0.02),
        upper=(0.11, 0.11, 0.17),
        cell=0.018,
    ),
    'link1': Shape(
        solids=(
            rod((0, 0, -0.19), (0, 0, -0.03), 0.062, 0.012),
            rod((0, -0.072, 0), (0, 0.05, 0), 0.06, 0.025),
        ),
        fillet=0.05,
        lower=(-0.09, -0.1, -0.21),
        upper=(0.09, 0.08, 0.09),
        cell=0.0155,
    ),
    'link2': Shape(
        solids=(
            rod((0, 0, -0.045), (0, 0, 0.074), 0.0585, 0.025),
            rod((0, -0.02, 0), (0, -0.19, 0), 0.059, 0.012),
        ),
        fillet=0.05,
        lower=(-0.09, -0.21, -0.07),
        upper=(0.09, 0.09, 0.1),
        cell=0.0155,
    ),
    'link3': Shape(
        solids=(
            rod((0, 0, -0.122), (0, 0, -0.055), 0.058, 0.012),
            cone((0, 0, -0.06), (0.055, 0, -0.005), (0.053, 0.05)),
            rod((0.0825, -0.07, 0), (0.0825, 0.045, 0), 0.052, 0.022),
        ),
        fillet=0.05,
        lower=(-0.09, -0.09, -0.14),
        upper=(0.16, 0.09, 0.09),
        cell=0.0155,
    ),
    'link4': Shape(
        solids=(
            rod((0, 0, -0.04), (0, 0, 0.072), 0.0505, 0.022),
            cone((-0.02, 0.02, 0), (-0.075, 0.075, 0), (0.05, 0.052)),
            rod((-0.0825, 0.06, 0), (-0.0825, 0.122, 0), 0.057, 0.012),
        ),
        fillet=0.05,
        lower=(-0.16, -0.08, -0.09),
        upper=(0.08, 0.14, 0.1),
        cell=0.0155,
    ),
    'link5': Shape(
        solids=(
            rod((0, 0, -0.26), (0, 0, -0.19), 0.056, 0.012),
            cone((0, 0.012, -0.19), (0, 0.045, -0.06), (0.052, 0.034)),
            rod((0, -0.02, 0), (0, 0.085, 0), 0.047, 0.02),
        ),
        fillet=0.06,
        lower=(-0.08, -0.08, -0.28),
        upper=(0.08, 0.12, 0.08),
        cell=0.0155,
    ),
    'link6': Shape(
        solids=(
            rod((0, 0, -0.075), (0, 0, 0.06), 0.046, 0.02),
            cone((0, 0, 0), (0.06, 0, 0), (0.045, 0.045)),
            rod((0.088, -0.055, 0), (0.088, 0.062, 0), 0.046, 0.015),
        ),
        fillet=0.05,
        lower=(-0.07, -0.08, -0.1),
        upper=(0.16, 0.09, 0.09),
        cell=0.0145,
    ),
    'link7': Shape(
        solids=(
            rod((0, 0, 0.058), (0, 0, 0.104), 0.043, 0.01),
            box((0.04, 0, 0.083), (0.034, 0.026, 0.014), 0.01),
        ),
        fillet=0.03,
        lower=(-0.07, -0.07, 0.03),
        upper=(0.1, 0.07, 0.13),
        cell=0.0125,
    ),
    'gripper': Shape(
        solids=(
            rod((0, 0, 0.008), (0, 0, 0.04), 0.037, 0.006),
            box((0, 0, 0.062), (0.027, 0.046, 0.032), 0.012),
        ),
        fillet=0.02,
        lower=(-0.06, -0.07, -0.01),
        upper=(0.06, 0.07, 0.11),
        cell=0.0105,
    ),
}
"""The shells of the arm's links and the body of the gripper, each in its own link frame [m]."""


def main() -> None:
    """Write all meshes to the folder that is named on the command line."""
    parser = argparse.ArgumentParser(description='Write the link meshes of the cell.')
    parser.add_argument('folder', type=Path, help='where to write the OBJ files')
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, shape in SHAPES.items():
        shape.mesh().save(folder / f'{name}.obj')


if __name__ == '__main__':
    main()
