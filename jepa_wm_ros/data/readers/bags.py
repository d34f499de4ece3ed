"""Bags as recordings: raw messages go through the code of the live nodes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.readers import bag_file
from jepa_wm_ros.data.readers.bag_states import StateReader
from jepa_wm_ros.data.recordings import (
    RecordingError,
    SourceError,
    TimedRecording,
    check_clock,
)
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.image_source import ImageFacts, ImageSourceWatch
from jepa_wm_ros.robot.images import decode_compressed, decode_raw, is_compressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.readers.bag_file import BagFile, RawMessage
    from jepa_wm_ros.data.readers.mapping import BagMapping
    from jepa_wm_ros.data.recordings import Picture
    from jepa_wm_ros.robot.kinematics import Kinematics

_HINT = '; name the one with pictures by --camera'
DECODERS = 2
"""Threads that decode pictures."""


class BagSource:
    """The bags at or below a path; each is one recording.

    Args:
        root: A bag, or a folder with bags.
        mapping: Which topics are what.
        camera: Camera of the mapping; empty takes its first.
        max_gap_s: Longest time without a robot state that is bridged [s].

    Raises:
        SourceError: The mapping has no such camera.
    """

    kind = 'rosbag2'

    def __init__(self, root: Path, mapping: BagMapping, camera: str, max_gap_s: float) -> None:
        self._paths = {_name(path, root): path for path in bag_file.find_bags(root)}
        self._mapping = mapping
        self._topics = camera_topics(mapping, camera)
        self._max_gap_s = max_gap_s

    def names(self) -> Sequence[str]:
        """Bags, by their paths below the root."""
        return list(self._paths)

    @contextmanager
    def open(self, name: str) -> Iterator[TimedRecording]:
        """Open one bag.

        Raises:
            RecordingError: It is damaged, or lacks pictures or robot states.
        """
        with bag_file.open_bag(self._paths[name]) as bag:
            yield self._read(bag)

    @cached_property
    def _kinematics(self) -> Kinematics:
        from jepa_wm_ros.robot.kinematics import Kinematics

        return Kinematics()

    def _read(self, bag: BagFile) -> TimedRecording:
        images = bag.find(self._topics, bag_file.IMAGES, 'pictures')
        if images is None:
            lacking = bag_file.topics_lacking('pictures', self._topics, bag.topics)
            raise RecordingError(f'{lacking}{_HINT if bag.topics else ""}')
        states = StateReader(bag, self._mapping)
        by_log = self._mapping.stamps == 'log'
        stamps: list[float] = []
        arrivals: list[float] = []
        frames: list[str] = []
        for message in bag.messages([images, *states.topics]):
            if message.topic == images:
                frames.append(message.frame_id)
                stamps.append(message.log_s if by_log else message.stamp_s)
                arrivals.append(message.log_s)
            else:
                states.add(message)
        taken = np.array(stamps)
        check_clock(taken, f'pictures on {images}', np.array(arrivals))
        order = np.argsort(taken, kind='stable')
        doubts = _doubts(taken[order], [frames[number] for number in order])
        order = order[[number not in doubts for number in range(len(order))]]
        track = states.track(lambda: self._kinematics, self._max_gap_s)
        return TimedRecording(
            stamps=taken[order],
            pictures=lambda wanted: _pictures(bag, images, order[list(wanted)]),
            states=track,
            note='; '.join(filter(None, [states.note, _left_out(doubts, len(stamps))])),
        )


def _doubts(stamps: NDArray[np.float64], frames: Sequence[str]) -> dict[int, str]:
    """Return which pictures in order of their stamps [s] may be another camera's, and why."""
    watch, doubts = ImageSourceWatch(), {}
    for number, (stamp_s, frame) in enumerate(zip(stamps.tolist(), frames, strict=True)):
        seen = ImageFacts(frame=frame, stamp_s=stamp_s, encoding='')
        if doubt := watch.look(seen, stamp_s):
            doubts[number] = doubt
    return doubts


def _left_out(doubts: Mapping[int, str], count: int) -> str:
    """Say how many pictures may be those of another camera, as the live node does."""
    if not doubts:
        return ''
    return f'{len(doubts)} of {count} pictures are left out: {next(iter(doubts.values()))}'


def _name(path: Path, root: Path) -> str:
    return root.name if path == root else str(path.relative_to(root))


def camera_topics(mapping: BagMapping, camera: str) -> list[str]:
    """Return the topics on which a camera of the mapping may publish, the best first.

    Raises:
        SourceError: The mapping has no such camera.
    """
    name = camera or next(iter(mapping.cameras))
    if name not in mapping.cameras:
        # A topic may be named as it is.
        if name.startswith('/'):
            return [name]
        raise SourceError(
            f'the mapping has no camera {name!r}; it has {", ".join(mapping.cameras)}, or name a '
            'topic'
        )
    return list(mapping.cameras[name])


def _pictures(bag: BagFile, topic: str, wanted: NDArray[np.int64]) -> Iterator[Picture]:
    """Decode messages by their number of arrival, in the order asked for.

    Decoding runs ahead in threads, for OpenCV leaves the interpreter alone meanwhile.
    """
    needed = set(wanted.tolist())
    order = deque(wanted.tolist())
    waiting: dict[int, Future[Picture]] = {}
    with ThreadPoolExecutor(DECODERS) as decoders:
        for number, message in enumerate(bag.messages([topic])):
            if number in needed:
                waiting[number] = decoders.submit(_picture, bag, message)
            while order and order[0] in waiting and len(waiting) > 2 * DECODERS:
                yield waiting.pop(order.popleft()).result()
            if len(waiting) == len(order):
                break  # the rest of the bag is not asked for
        for number in order:
            yield waiting[number].result()


def _picture(bag: BagFile, raw: RawMessage) -> Picture:
    try:
        message = bag.decode(raw)
        return decode_compressed(message) if is_compressed(message) else decode_raw(message)
    except JepaWmError as error:
        return error
