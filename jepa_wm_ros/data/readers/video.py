"""Frames of a video file by number, decoded once and in order.

OpenCV decodes what its own FFmpeg can. Its wheels have no AV1 decoder, in which LeRobot stores its
videos: for these, and for whatever else OpenCV cannot decode, the `ffmpeg` program is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.recordings import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

_AV1 = b'av01'


class VideoFile:
    """An open video; a context manager.

    Frames are asked for in ascending order. Going back reads the file from its beginning, because
    jumping is not exact in every file.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            RecordingError: It is missing, damaged, or of a kind that nothing here decodes.
        """
        self._path = path
        self._stream = _open(path)
        self._position = 0
        self._last: tuple[int, NDArray[np.uint8]] | None = None

    def __enter__(self) -> VideoFile:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @property
    def fps(self) -> float:
        """Frames per second, as the file's header claims; cameras may have had other ideas."""
        return self._stream.fps

    def frames(self, wanted: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode frames.

        Args:
            wanted: Ascending frame numbers, from 0.

        Yields:
            `(H, W, 3)` uint8 RGB, one for each number.

        Raises:
            RecordingError: The file ends before.
        """
        for number in wanted:
            yield self._frame(number)

    def _frame(self, number: int) -> NDArray[np.uint8]:
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        if number < self._position:
            self._stream.close()
            self._stream, self._position = _open(self._path), 0
        while self._position < number:
            self._require(self._stream.skip(), number)
            self._position += 1
        picture = self._stream.read()
        self._require(picture is not None, number)
        self._position += 1
        self._last = (number, picture)
        return picture

    def _require(self, decoded: bool, number: int) -> None:
        if not decoded:
            raise RecordingError(
                f'{self._path.name} has only {self._position} frames that can be decoded, frame '
                f'{number} is needed: the file is truncated'
            )


class _OpenCvStream:
    """Decodes with OpenCV."""

    def __init__(self, path: Path) -> None:
        # Broken files make FFmpeg talk on stderr; what is wrong is reported by us, on one line.
        os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
        import cv2

        self._convert, self._order = cv2.cvtColor, cv2.COLOR_BGR2RGB
        with _quiet(getattr(cv2.utils, 'logging', None)):
            self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self.opened = bool(self._capture.isOpened())
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        fourcc = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        self.codec = fourcc.to_bytes(4, 'little')

    def skip(self) -> bool:
        return bool(self._capture.grab())

    def read(self) -> Any:
        decoded, picture = self._capture.read()
        return self._convert(picture, self._order) if decoded else None

    def close(self) -> None:
        self._capture.release()


class _FfmpegStream:
    """Decodes with the `ffmpeg` program, through a pipe."""

    def __init__(self, path: Path) -> None:
        entries = 'stream=width,height,r_frame_rate'
        probe = ['ffprobe', '-v', 'error', '-select_streams', 'v:0', '-show_entries', entries]
        said = subprocess.run(
            [*probe, '-of', 'csv=p=0', str(path)], capture_output=True, text=True, check=False
        ).stdout.split(',')
        if len(said) < 3:
            raise RecordingError(f'{path.name} is damaged: ffmpeg finds no video in it')
        self._shape = (int(said[1]), int(said[0]), 3)
        over, _, under = said[2].strip().partition('/')
        self.fps = float(over) / float(under or 1)
        command = ['ffmpeg', '-v', 'quiet', '-i', str(path), '-vsync', 'passthrough']
        self._process = subprocess.Popen(
            [*command, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], stdout=subprocess.PIPE
        )

    def skip(self) -> bool:
        return self.read() is not None

    def read(self) -> Any:
        assert self._process.stdout is not None
        data = self._process.stdout.read(int(np.prod(self._shape)))
        if len(data) < np.prod(self._shape):
            return None
        return np.frombuffer(data, np.uint8).reshape(self._shape)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _open(path: Path) -> _OpenCvStream | _FfmpegStream:
    if not path.is_file():
        raise RecordingError(f'{path.name} is missing: no such video at {path}')
    stream = _OpenCvStream(path)
    if stream.opened and stream.codec.lower() != _AV1 and _decodes(path):
        return stream
    stream.close()
    if not stream.opened:
        raise RecordingError(f'{path.name} is no video that can be opened: truncated or damaged')
    if shutil.which('ffmpeg') is None or shutil.which('ffprobe') is None:
        codec = stream.codec.decode('ascii', 'replace')
        raise RecordingError(
            f'{path.name} is coded as {codec!r}, which this OpenCV cannot decode; install ffmpeg'
        )
    return _FfmpegStream(path)


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Keep OpenCV from warning of what we report; old versions have no such switch."""
    if logging is None:
        yield
        return
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _decodes(path: Path) -> bool:
    """Whether OpenCV gives at least the first frame."""
    stream = _OpenCvStream(path)
    decoded = stream.skip()
    stream.close()
    return decoded
