"""Pictures and robot states as CDR bytes of ROS 2 messages, without ROS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.data.writing.metadata import TopicFacts
from jepa_wm_ros.robot.description import BASE_FRAME
from jepa_wm_ros.robot.messages import NANOSECONDS
from jepa_wm_ros.robot.poses import quaternion_xyzw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.data.writing.bag_writer import BagWriter
    from jepa_wm_ros.robot.poses import Pose

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
JOINTS = 'sensor_msgs/msg/JointState'
POSE = 'geometry_msgs/msg/PoseStamped'
CAMERA_FRAME = 'camera'
FORMATS = ('raw', 'png', 'jpeg')
"""How pictures are kept: as they are, without loss, or with loss."""
_QUALITY = 95
_LATEST_S = 2**31
_RELIABLE = {
    'history': 'keep_last',
    'depth': 10,
    'reliability': 'reliable',
    'durability': 'volatile',
    'deadline': {'sec': 0, 'nsec': 0},
    'lifespan': {'sec': 0, 'nsec': 0},
    'liveliness': 'automatic',
    'liveliness_lease_duration': {'sec': 0, 'nsec': 0},
    'avoid_ros_namespace_conventions': False,
}


class MessageEncoder:
    """Makes messages of the types that our readers take, and announces their topics."""

    def __init__(self) -> None:
        from rosbags.typesys import Stores, get_typestore

        self._store = get_typestore(Stores.ROS2_JAZZY)

    def announce(self, writer: BagWriter, topic: str, kind: str) -> None:
        """Announce a topic of a bag with the definition of its type and a reliable profile."""
        definition, _ = self._store.generate_msgdef(kind, ros_version=2)
        digest = self._store.hash_rihs01(kind)
        facts = TopicFacts(name=topic, type=kind, type_hash=digest, qos=[_RELIABLE])
        writer.add_topic(facts, definition)

    def picture(self, stamp_ns: int, pixels: NDArray[np.uint8], form: str = 'raw') -> bytes:
        """Encode a picture.

        Args:
            stamp_ns: When it was taken [ns].
            pixels: `(H, W, 3)` RGB.
            form: One of `FORMATS`; `raw` gives an `Image`, the others a `CompressedImage`.
        """
        header = self._header(stamp_ns, CAMERA_FRAME)
        if form == 'raw':
            height, width = pixels.shape[:2]
            return self._bytes(
                IMAGE,
                header=header,
                height=height,
                width=width,
                encoding='rgb8',
                is_bigendian=0,
                step=3 * width,
                data=np.ascontiguousarray(pixels).ravel(),
            )
        data = _compressed(pixels, form)
        return self._bytes(
            COMPRESSED, header=header, format=f'rgb8; {form} compressed bgr8', data=data
        )

    def joints(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bytes:
        """Encode joint positions [rad or m]."""
        empty = np.zeros(0)
        return self._bytes(
            JOINTS,
            header=self._header(stamp_ns, ''),
            name=list(names),
            position=np.asarray(positions, dtype=np.float64),
            velocity=empty,
            effort=empty,
        )

    def pose(self, stamp_ns: int, pose: Pose) -> bytes:
        """Encode a flange pose in the base frame."""
        types = self._store.types
        x, y, z = pose.position.tolist()
        a, b, c, d = quaternion_xyzw(pose).tolist()
        place = types['geometry_msgs/msg/Pose'](
            position=types['geometry_msgs/msg/Point'](x=x, y=y, z=z),
            orientation=types['geometry_msgs/msg/Quaternion'](x=a, y=b, z=c, w=d),
        )
        return self._bytes(POSE, header=self._header(stamp_ns, BASE_FRAME), pose=place)

    def _header(self, stamp_ns: int, frame: str) -> Any:
        seconds, nanoseconds = divmod(stamp_ns, NANOSECONDS)
        stamp = self._store.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
        return self._store.types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame)

    def _bytes(self, kind: str, **fields: Any) -> bytes:
        return bytes(self._store.serialize_cdr(self._store.types[kind](**fields), kind))


def nanoseconds_of(stamp_s: float) -> int:
    """Return a time stamp [s] in nanoseconds, as a message can hold it.

    Raises:
        RecordingError: It lies before 1970 or after 2038.
    """
    if not 0 <= stamp_s < _LATEST_S:
        raise RecordingError(
            f'the time stamp {stamp_s:.3f} s cannot be said in a ROS message: 0 to {_LATEST_S} s'
        )
    return round(stamp_s * NANOSECONDS)


def _compressed(pixels: NDArray[np.uint8], form: str) -> NDArray[np.uint8]:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if form == 'jpeg' else []
    _, data = cv2.imencode(f'.{form}', pixels[..., ::-1], options)
    return np.asarray(data, dtype=np.uint8).ravel()
