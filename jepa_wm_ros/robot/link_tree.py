"""Where every link of a robot description is, and what it looks like.

Reads the URDF with the standard library alone: a display must show grippers, tables and cameras,
too, and has no need of the dynamics that `robot.kinematics` loads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from transforms3d.axangles import axangle2mat

from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.description import DescriptionError
from jepa_wm_ros.robot.poses import Pose, from_euler

PACKAGE_PREFIX = 'package://jepa_wm_ros/'
_TURNING = ('revolute', 'continuous')
_GREY = (0.7, 0.7, 0.7, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeJoint:
    """One joint: the child's pose in the parent.

    Attributes:
        name: Of the joint.
        kind: revolute, continuous, prismatic or fixed.
        parent: Link.
        child: Link.
        origin: Pose of the child in the parent at position 0.
        axis: `(3,)` unit vector in the child.
        mimics: Another joint whose position this one follows; empty for none.
        multiplier: Factor on that position.
        offset: Added to it [rad or m].
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: Pose
    axis: NDArray[np.float64]
    mimics: str = ''
    multiplier: float = 1.0
    offset: float = 0.0

    def pose(self, position: float) -> Pose:
        """Return the child's pose in the parent at a joint position [rad or m]."""
        if self.kind in _TURNING:
            return self.origin.compose(Pose(np.zeros(3), axangle2mat(self.axis, position)))
        if self.kind == 'prismatic':
            return self.origin.compose(Pose(self.axis * position))
        return self.origin


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visual:
    """One shape of a link.

    Attributes:
        origin: Pose in the link.
        kind: mesh, box, cylinder or sphere.
        size: Edges of a box, radius and length of a cylinder, radius of a sphere, scale of a
            mesh; [m] but for the scale.
        mesh: Its file; None for other shapes.
        colour: Red, green, blue, opacity within 0..1.
    """

    origin: Pose
    kind: str
    size: tuple[float, ...]
    mesh: Path | None = None
    colour: tuple[float, ...] = _GREY


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTree:
    """The links of a description, their joints and shapes.

    Attributes:
        root: The link that has no parent.
        joints: Parents before children.
        visuals: Shapes by link; links without any are absent.
    """

    root: str
    joints: tuple[TreeJoint, ...]
    visuals: Mapping[str, tuple[Visual, ...]] = field(default_factory=dict)

    @property
    def moving(self) -> tuple[TreeJoint, ...]:
        """The joints that are not fixed."""
        return tuple(joint for joint in self.joints if joint.kind != 'fixed')

    def positions(self, known: Mapping[str, float]) -> dict[str, float]:
        """Return the position of each moving joint [rad or m]; unknown ones are at 0."""
        result = {joint.name: known.get(joint.name, 0.0) for joint in self.moving}
        for joint in self.moving:
            if joint.mimics and joint.name not in known:
                leader = result.get(joint.mimics, 0.0)
                result[joint.name] = joint.multiplier * leader + joint.offset
        return result

    def poses(self, known: Mapping[str, float]) -> dict[str, Pose]:
        """Return the pose of every link in the root link.

        Args:
            known: Positions by joint name [rad or m]; joints of other robots are ignored.
        """
        positions = self.positions(known)
        poses = {self.root: Pose.identity()}
        for joint in self.joints:
            moved = joint.pose(positions.get(joint.name, 0.0))
            poses[joint.child] = poses[joint.parent].compose(moved)
        return poses


def parse_link_tree(text: str, source: str = 'the robot description') -> LinkTree:
    """Read a URDF.

    Args:
        text: Of the URDF.
        source: What to call it in errors.

    Raises:
        DescriptionError: It is no URDF, or its links are no tree.
    """
    try:
        robot = ElementTree.fromstring(text)
        joints = [_joint(element) for element in robot.findall('joint')]
        colours = _colours(robot)
        visuals = {
            link.attrib['name']: tuple(_visual(v, colours) for v in link.findall('visual'))
            for link in robot.findall('link')
        }
    except (ElementTree.ParseError, KeyError, ValueError, TypeError) as error:
        raise DescriptionError(f'{source}: not a robot description: {error!r}') from error
    root, ordered = _ordered(list(visuals), joints, source)
    shapes = {link: shapes for link, shapes in visuals.items() if shapes}
    return LinkTree(root=root, joints=ordered, visuals=shapes)


def _ordered(
    links: list[str], joints: list[TreeJoint], source: str
) -> tuple[str, tuple[TreeJoint, ...]]:
    """Return the root and the joints with parents before children."""
    children = {joint.child for joint in joints}
    roots = [link for link in links if link not in children]
    if len(roots) != 1:
        raise DescriptionError(f'{source}: its links must have one root, found {roots}')
    ordered: list[TreeJoint] = []
    reached, waiting = {roots[0]}, list(joints)
    while ready := [joint for joint in waiting if joint.parent in reached]:
        ordered += ready
        waiting = [joint for joint in waiting if joint.parent not in reached]
        reached |= {joint.child for joint in ready}
    if waiting:
        names = ', '.join(joint.name for joint in waiting)
        raise DescriptionError(f'{source}: these joints do not hang on {roots[0]}: {names}')
    return roots[0], tuple(ordered)


def _joint(element: ElementTree.Element) -> TreeJoint:
    mimic = element.find('mimic')
    follows: dict[str, Any] = {}
    if mimic is not None:
        follows = {
            'mimics': mimic.attrib['joint'],
            'multiplier': float(mimic.get('multiplier', 1.0)),
            'offset': float(mimic.get('offset', 0.0)),
        }
    axis = np.array(_numbers(_attribute(element, 'axis', 'xyz', '1 0 0')))
    return TreeJoint(
        name=element.attrib['name'],
        kind=element.attrib['type'],
        parent=_attribute(element, 'parent', 'link'),
        child=_attribute(element, 'child', 'link'),
        origin=_origin(element),
        axis=axis / math.sqrt(float(axis @ axis)),
        **follows,
    )


def _visual(element: ElementTree.Element, colours: Mapping[str, tuple[float, ...]]) -> Visual:
    geometry = element.find('geometry')
    shape = geometry[0] if geometry is not None and len(geometry) else None
    if shape is None:
        raise ValueError('a visual without geometry')
    origin, colour = _origin(element), _colour(element.find('material'), colours)
    kind = shape.tag
    if kind == 'mesh':
        scale = tuple(_numbers(shape.get('scale', '1 1 1')))
        mesh = mesh_path(shape.attrib['filename'])
        return Visual(origin=origin, kind=kind, size=scale, mesh=mesh, colour=colour)
    names = {'box': ('size',), 'cylinder': ('radius', 'length'), 'sphere': ('radius',)}[kind]
    size = tuple(number for name in names for number in _numbers(shape.attrib[name]))
    return Visual(origin=origin, kind=kind, size=size, colour=colour)


def mesh_path(filename: str) -> Path:
    """Return the file behind a mesh's name: `package://jepa_wm_ros/…`, `file://…` or a path."""
    if filename.startswith(PACKAGE_PREFIX):
        return share(*filename.removeprefix(PACKAGE_PREFIX).split('/'))
    return Path(filename.removeprefix('file://'))


def _colours(robot: ElementTree.Element) -> dict[str, tuple[float, ...]]:
    return {m.attrib['name']: _colour(m, {}) for m in robot.findall('material')}


def _colour(
    material: ElementTree.Element | None, known: Mapping[str, tuple[float, ...]]
) -> tuple[float, ...]:
    if material is None:
        return _GREY
    colour = material.find('color')
    if colour is None:
        return known.get(material.get('name', ''), _GREY)
    return tuple(_numbers(colour.attrib['rgba']))


def _origin(element: ElementTree.Element) -> Pose:
    position = _numbers(_attribute(element, 'origin', 'xyz', '0 0 0'))
    return from_euler(position, _numbers(_attribute(element, 'origin', 'rpy', '0 0 0')))


def _attribute(
    element: ElementTree.Element, tag: str, name: str, default: str | None = None
) -> str:
    """Return an attribute of a child element, the default where either is missing."""
    child = element.find(tag)
    value = None if child is None else child.get(name)
    if value is None and default is None:
        raise KeyError(f'{element.get("name")}: <{tag} {name}=…>')
    return value if value is not None else str(default)


def _numbers(text: str) -> Sequence[float]:
    return [float(word) for word in text.split()]
