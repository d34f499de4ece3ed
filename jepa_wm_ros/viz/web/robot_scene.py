"""The robot of a description in a viser scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from transforms3d.quaternions import mat2quat

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jepa_wm_ros.robot.link_tree import LinkTree, Visual
    from jepa_wm_ros.robot.poses import Pose

_STILL = 1e-6


class MeshError(JepaWmError):
    """A mesh of the robot cannot be read."""


class RobotScene:
    """Draws the links once, and moves them.

    Args:
        scene: viser's `SceneApi`.
        tree: The robot.
    """

    def __init__(self, scene: Any, tree: LinkTree) -> None:
        self._frames: dict[str, Any] = {}
        self._poses: dict[str, Pose] = {}
        for link, visuals in tree.visuals.items():
            self._frames[link] = scene.add_frame(f'/robot/{link}', show_axes=False)
            for number, visual in enumerate(visuals):
                _draw(scene, f'/robot/{link}/{number}', visual)

    def move(self, poses: Mapping[str, Pose]) -> int:
        """Put links where they are; returns how many have moved."""
        moved = 0
        for link, frame in self._frames.items():
            pose, before = poses[link], self._poses.get(link)
            if before is None or not _same(pose, before):
                frame.wxyz, frame.position = mat2quat(pose.rotation), pose.position
                self._poses[link] = pose
                moved += 1
        return moved


def _same(one: Pose, other: Pose) -> bool:
    return bool(
        np.abs(one.position - other.position).max() < _STILL
        and np.abs(one.rotation - other.rotation).max() < _STILL
    )


def _draw(scene: Any, name: str, visual: Visual) -> None:
    place = {'wxyz': mat2quat(visual.origin.rotation), 'position': visual.origin.position}
    colour = tuple(int(255 * part) for part in visual.colour[:3])
    if visual.kind == 'box':
        scene.add_box(name, color=colour, dimensions=visual.size, **place)
    elif visual.kind == 'cylinder':
        radius, length = visual.size
        scene.add_cylinder(name, radius=radius, height=length, color=colour, **place)
    elif visual.kind == 'sphere':
        scene.add_icosphere(name, radius=visual.size[0], color=colour, **place)
    else:
        vertices, faces = _mesh(visual)
        scene.add_mesh_simple(name, vertices=vertices, faces=faces, color=colour, **place)


def _mesh(visual: Visual) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices `(V, 3)` [m] and triangles `(F, 3)` of a mesh."""
    import trimesh

    try:
        mesh = trimesh.load(visual.mesh, force='mesh')
    except (OSError, ValueError, NotImplementedError) as error:
        raise MeshError(f'cannot read the mesh {visual.mesh}: {error}') from error
    vertices = np.asarray(mesh.vertices, np.float32) * np.asarray(visual.size, np.float32)
    return vertices, np.asarray(mesh.faces, np.uint32)
