"""Shapes, paths and link poses as messages for RViz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import Point, PoseStamped, TransformStamped, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker

from jepa_wm_ros.ros.conversions import encode_pose

if TYPE_CHECKING:
    import numpy as np
    from builtin_interfaces.msg import Duration, Time
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.viz.shapes import Shape

_TYPES = {
    'line': Marker.LINE_STRIP,
    'segments': Marker.LINE_LIST,
    'points': Marker.SPHERE_LIST,
    'box': Marker.CUBE,
    'text': Marker.TEXT_VIEW_FACING,
    'axes': Marker.LINE_LIST,
}
_AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def encode_shape(shape: Shape, frame: str, stamp: Time, lifetime: Duration) -> Marker:
    """Write a shape into a marker.

    Namespace and id are the shape's layer and number, so that a newer marker replaces an older.
    """
    marker = Marker(ns=shape.layer, id=shape.number, type=_TYPES[shape.kind], action=Marker.ADD)
    marker.header.frame_id, marker.header.stamp = frame, stamp
    marker.lifetime = lifetime
    marker.pose = encode_pose(shape.pose)
    marker.scale = _scale(shape)
    if shape.kind == 'axes':
        _draw_axes(marker, shape.size)
        return marker
    marker.text = shape.text
    marker.points = [_point(position) for position in shape.points]
    if shape.colours.ndim == 2:
        marker.colors = [_colour(colour) for colour in shape.colours]
        marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    else:
        marker.color = _colour(shape.colours)
    return marker


def _scale(shape: Shape) -> Vector3:
    size = float(shape.size)
    if shape.kind == 'box':
        x, y, z = shape.edges
        return Vector3(x=x, y=y, z=z)
    if shape.kind == 'text':
        return Vector3(z=size)
    if shape.kind == 'points':
        return Vector3(x=size, y=size, z=size)
    return Vector3(x=0.08 * size if shape.kind == 'axes' else size)


def _draw_axes(marker: Marker, length: float) -> None:
    """Add the three axes, red, green and blue, to a marker whose pose they show."""
    for x, y, z in _AXES:
        marker.points += [Point(), Point(x=x * length, y=y * length, z=z * length)]
        marker.colors += [ColorRGBA(r=x, g=y, b=z, a=1.0)] * 2
    marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)


def encode_stamped(pose: Pose, frame: str, stamp: Time) -> PoseStamped:
    """Write a pose with its frame and time."""
    message = PoseStamped(pose=encode_pose(pose))
    message.header.frame_id, message.header.stamp = frame, stamp
    return message


def encode_transform(pose: Pose, parent: str, child: str, stamp: Time) -> TransformStamped:
    """Write the pose of a link in its parent."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id, message.header.stamp = parent, stamp
    written = encode_pose(pose)
    at = written.position
    message.transform.translation = Vector3(x=at.x, y=at.y, z=at.z)
    message.transform.rotation = written.orientation
    return message


def _point(position: NDArray[np.float64]) -> Point:
    x, y, z = position.tolist()
    return Point(x=x, y=y, z=z)


def _colour(colour: Any) -> ColorRGBA:
    r, g, b, a = (float(part) for part in colour)
    return ColorRGBA(r=r, g=g, b=b, a=a)
