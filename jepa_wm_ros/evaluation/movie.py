"""Writing a video file: H.264 where ffmpeg is installed, MPEG-4 by OpenCV elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray


class MovieError(JepaWmError):
    """A video cannot be written or read."""


class Encoder(Protocol):
    """Turns pictures into a file."""

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture `(H, W, 3)` uint8 RGB."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class Movie:
    """A video that appears under its name only when it is complete.

    Use as a context manager: leaving it with an error (also Ctrl-C) removes what was begun.

    Attributes:
        path: The video.
        frames: Pictures written so far.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        """Start a video of `size` (width, height) [px], even numbers, at `fps` pictures a second.

        Raises:
            MovieError: No encoder works.
        """
        self.path, self.frames = path, 0
        self._partial = path.with_name(f'.partial-{path.name}')
        self._encoder = _open_encoder(self._partial, size, fps)

    def __enter__(self) -> Movie:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the video, or remove it after an error."""
        try:
            self._encoder.close()
            if error is None:
                check_movie(self._partial, self.frames)
                os.replace(self._partial, self.path)
        finally:
            self._partial.unlink(missing_ok=True)

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture `(H, W, 3)` uint8 RGB.

        Raises:
            MovieError: The encoder ended early, as it does when the disk is full.
        """
        self._encoder.write(picture)
        self.frames += 1


def check_movie(path: Path, frames: int) -> None:
    """Make sure that a video opens and has as many pictures as were written.

    Raises:
        MovieError: It does not.
    """
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        ok, _ = capture.read()
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if ok else 0
    finally:
        capture.release()
    if found != frames:
        raise MovieError(
            f'{path} is not the video that was written: {found} of {frames} pictures can be read; '
            'is the disk full?'
        )


class _FfmpegEncoder:
    """Feeds ffmpeg through a pipe."""

    def __init__(self, program: str, path: Path, size: tuple[int, int], fps: float) -> None:
        width, height = size
        command = [program, '-loglevel', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgb24']
        command += ['-s', f'{width}x{height}', '-r', f'{fps:g}', '-i', '-', '-an']
        command += ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '21', '-pix_fmt', 'yuv420p']
        command += ['-movflags', '+faststart', '-f', 'mp4', str(path)]
        # A session of its own: Ctrl-C in the terminal must reach us, not cut ffmpeg short.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )

    def write(self, picture: NDArray[np.uint8]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(picture.tobytes())
        except BrokenPipeError:
            raise MovieError(f'ffmpeg gave up: {self._last_words()}') from None

    def close(self) -> None:
        self._last_words()
        if self._process.returncode:
            raise MovieError(f'ffmpeg ended with exit code {self._process.returncode}')

    def _last_words(self) -> str:
        _, words = self._process.communicate()
        return words.decode(errors='replace').strip() or 'it said nothing'


class _OpenCvEncoder:
    """Uses the encoder inside OpenCV."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        import cv2

        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
        if not self._writer.isOpened():
            raise MovieError(f'OpenCV cannot write {path}; install ffmpeg')

    def write(self, picture: NDArray[np.uint8]) -> None:
        import cv2

        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()


def _open_encoder(path: Path, size: tuple[int, int], fps: float) -> Encoder:
    program = shutil.which('ffmpeg')
    if program is not None and _has_x264(program):
        return _FfmpegEncoder(program, path, size, fps)
    return _OpenCvEncoder(path.with_suffix('.mp4'), size, fps)


def _has_x264(program: str) -> bool:
    listing = subprocess.run(
        [program, '-hide_banner', '-encoders'], capture_output=True, text=True, check=False
    )
    return ' libx264 ' in listing.stdout
