"""Frames of videos by number, exactly, whoever decodes them."""

import shutil
import subprocess

import pytest
from fabricated import SIZE, number_of, picture, write_video

from jepa_wm_ros.data.readers.video import VideoFile
from jepa_wm_ros.data.recordings import RecordingError


def numbers(video, wanted):
    return [number_of(frame) for frame in video.frames(wanted)]


def test_frames_are_counted_not_guessed(tmp_path):
    path = write_video(tmp_path / 'a.mp4', 80)
    with VideoFile(path) as video:
        assert video.fps == 60.0
        assert numbers(video, [0, 3, 3, 50]) == [0, 3, 3, 50]
        assert numbers(video, [51, 79]) == [51, 79]
        # going back is allowed
        assert numbers(video, [2, 78]) == [2, 78]


def test_a_frame_beyond_the_end_is_an_error_that_says_where_the_end_is(tmp_path):
    path = write_video(tmp_path / 'a.mp4', 5)
    with VideoFile(path) as video, pytest.raises(RecordingError, match='only 5 frames'):
        numbers(video, [4, 7])


def test_a_file_that_is_no_video_is_an_error(tmp_path):
    path = tmp_path / 'a.mp4'
    with pytest.raises(RecordingError, match='is missing'):
        VideoFile(path)
    path.write_bytes(b'no video at all' * 100)
    with pytest.raises(RecordingError, match='truncated or damaged'):
        VideoFile(path)


@pytest.fixture
def av1(tmp_path):
    """A video in AV1, as LeRobot writes them."""
    path = tmp_path / 'a.mp4'
    height, width = SIZE
    raw = b''.join(picture(number).tobytes() for number in range(20))
    options = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', f'{width}x{height}', '-r', '15']
    coder = ['-c:v', 'libaom-av1', '-cpu-used', '8', '-g', '2', '-pix_fmt', 'yuv420p']
    command = ['ffmpeg', '-y', '-v', 'error', *options, '-i', '-', *coder, str(path)]
    if shutil.which('ffmpeg') is None or subprocess.run(command, input=raw).returncode:
        pytest.skip('no ffmpeg that writes AV1')
    return path


def test_av1_is_decoded_by_ffmpeg(av1):
    with VideoFile(av1) as video:
        assert video.fps == 15.0
        assert numbers(video, [0, 7, 7, 19]) == [0, 7, 7, 19]
        assert numbers(video, [3]) == [3]
    with VideoFile(av1) as video, pytest.raises(RecordingError, match='only 20 frames'):
        numbers(video, [20])


def test_av1_without_ffmpeg_says_what_to_install(av1, monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda _: None)
    with pytest.raises(RecordingError, match=r"'AV01', which this OpenCV cannot.*install ffmpeg"):
        VideoFile(av1)
