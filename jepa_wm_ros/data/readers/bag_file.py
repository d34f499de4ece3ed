"""One rosbag2 (MCAP or sqlite3), read without ROS: topics, time stamps, messages."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.robot.messages import NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rosbags.interfaces import Connection
    from rosbags.rosbag2 import Reader

IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
JOINT_STATES = ('sensor_msgs/msg/JointState',)
POSES = ('geometry_msgs/msg/PoseStamped',)
NUMBERS = ('std_msgs/msg/Float32', 'std_msgs/msg/Float64')
_MCAP_MAGIC = b'\x89MCAP0\r\n'
STORAGES = ('.mcap', '.db3')
_STAMPED = {*IMAGES, *JOINT_STATES, *POSES}


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as it is in the file.

    Attributes:
        topic: Where it was sent.
        type: Name of its type.
        log_s: When it reached the recorder [s].
        data: Its CDR bytes.
    """

    topic: str
    type: str
    log_s: float
    data: bytes

    @property
    def stamp_s(self) -> float:
        """The stamp of its header [s], read without decoding the rest; else when it arrived."""
        if self.type not in _STAMPED or len(self.data) < 12:
            return self.log_s
        order = '<' if self.data[1] & 1 else '>'
        seconds, nanoseconds = struct.unpack_from(f'{order}iI', self.data, 4)
        return float(seconds + nanoseconds / NANOSECONDS)

    @property
    def frame_id(self) -> str:
        """The frame of its header, for messages that begin with one; '' for a broken one."""
        order = '<' if len(self.data) > 1 and self.data[1] & 1 else '>'
        if len(self.data) < 16:
            return ''
        (length,) = struct.unpack_from(f'{order}I', self.data, 12)
        return self.data[16 : 16 + length].rstrip(b'\0').decode('utf-8', 'replace')


class BagFile:
    """An open bag."""

    def __init__(self, reader: Reader) -> None:
        """Take an open reader."""
        from rosbags.typesys import Stores, get_typestore

        self._reader = reader
        # The types that we read have not changed since Humble; what the bag says of others may
        # be unreadable and does not matter.
        self._types = get_typestore(Stores.ROS2_HUMBLE)
        # several publishers of a topic are several connections
        self._filled: dict[str, list[Connection]] = {}
        for connection in reader.connections:
            if connection.msgcount:
                self._filled.setdefault(connection.topic, []).append(connection)

    @property
    def topics(self) -> list[str]:
        """Topics with at least one message."""
        return sorted(self._filled)

    @property
    def span_s(self) -> tuple[float, float]:
        """When the first and the last message arrived [s]."""
        return self._reader.start_time / NANOSECONDS, self._reader.end_time / NANOSECONDS

    def connections(self, topic: str) -> Sequence[Connection]:
        """The publishers of a topic with messages: types, and profiles that they offered."""
        return self._filled[topic]

    def find(self, topics: Sequence[str], types: Sequence[str], what: str) -> str | None:
        """The first of some topics that has messages.

        Args:
            topics: Names, the best first.
            types: Accepted message types.
            what: What is looked for, for the message.

        Raises:
            RecordingError: It is of another type.
        """
        found = next((topic for topic in topics if topic in self._filled), None)
        for connection in self._filled.get(found or '', []):
            if connection.msgtype not in types:
                raise RecordingError(
                    f'{what} on {found} are {connection.msgtype}; accepted: {", ".join(types)}'
                )
        return found

    def messages(self, topics: Sequence[str]) -> Iterator[RawMessage]:
        """All messages of some topics in order of arrival."""
        wanted = [connection for topic in topics for connection in self._filled[topic]]
        if not wanted:  # which the reader would take for all
            return
        for connection, log_ns, data in self._reader.messages(connections=wanted):
            log_s = log_ns / NANOSECONDS
            yield RawMessage(connection.topic, connection.msgtype, log_s, data)

    def decode(self, message: RawMessage) -> Any:
        """The message with its fields.

        Raises:
            RecordingError: The bytes do not fit the type.
        """
        try:
            return self._types.deserialize_cdr(message.data, message.type)
        except Exception as error:  # the library lets through what broken bytes make Python raise
            raise RecordingError(
                f'a message on {message.topic} is no {message.type}: {error}'
            ) from error


@contextmanager
def open_bag(path: Path) -> Iterator[BagFile]:
    """Open a bag: a folder with `metadata.yaml`, or a storage file alone.

    Raises:
        RecordingError: It is damaged, or was cut off, or is no bag at all.
    """
    from rosbags.rosbag2 import Reader, ReaderError

    try:
        with Reader(path) as reader:
            yield BagFile(reader)
    except ReaderError as error:
        raise RecordingError(
            f'the bag cannot be read ({str(error).rstrip(".")}){_advice(path)}'
        ) from error
    except FileNotFoundError as error:
        raise RecordingError(
            f'{path} is no bag: give a folder with metadata.yaml, or a file that ends with '
            f'{" or ".join(STORAGES)}'
        ) from error


def _advice(path: Path) -> str:
    """What may help with a damaged bag: cut MCAP files can be read up to the cut."""
    files = [path] if path.is_file() else sorted(path.glob('*.mcap'))
    if not any(begins_as_mcap(file) for file in files if file.suffix == '.mcap'):
        return ''
    return '; was the recorder killed? `jepa-wm bag recover` may save it'


def begins_as_mcap(path: Path) -> bool:
    """Whether a file begins as MCAP files do, however it goes on."""
    with path.open('rb') as file:
        return file.read(len(_MCAP_MAGIC)) == _MCAP_MAGIC


def topics_lacking(what: str, looked: Sequence[str], there: Sequence[str]) -> str:
    """Return a line that says on which topics something was looked for in vain.

    Args:
        what: Was looked for.
        looked: Names that were tried, the best first.
        there: Topics of the bag.
    """
    if not there:
        return 'the bag holds no messages'
    others = f' (nor on {len(looked) - 1} other names of the mapping)' if len(looked) > 1 else ''
    return f'no {what} on {looked[0]}{others}; the bag has: {", ".join(there)}'


def find_bags(root: Path) -> list[Path]:
    """Bags at or below a path, sorted: folders with `metadata.yaml`, else single files."""
    if root.is_file():
        return [root] if root.suffix in STORAGES else []
    folders = {path.parent for path in root.rglob('metadata.yaml')}
    files = (path for suffix in STORAGES for path in root.rglob(f'*{suffix}'))
    return sorted(folders | {path for path in files if path.parent not in folders})
