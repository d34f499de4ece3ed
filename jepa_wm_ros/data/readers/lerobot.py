"""LeRobot datasets of version 3: parquet tables beside MP4 files that hold many episodes each."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.labels import at_the_end
from jepa_wm_ros.data.readers.pose_states import pose_track
from jepa_wm_ros.data.readers.video import VideoFile
from jepa_wm_ros.data.recordings import RecordingError, TimedRecording, check_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture
    from jepa_wm_ros.robot.kinematics import Kinematics

INFO = 'meta/info.json'
CARTESIAN = 'observation.state.cartesian_position'
GRIPPER = 'observation.state.gripper_position'
STATE = 'observation.state'
EPISODE_SUCCESS = 'is_episode_successful'
SUCCESS = ('next.success', EPISODE_SUCCESS)
"""Features with labels: of the step that a frame leads to, and of the whole episode."""
_IMAGES = 'observation.images.'
_DATA = 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
_VIDEO = 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4'


class LeRobotSource:
    """A dataset with the fields of `droid_1.0.1`.

    Args:
        root: Folder with `meta/info.json`.
        camera: Name behind `observation.images.`; empty takes the first.
        max_gap_s: Longest time without a robot state that is bridged [s].
    """

    kind = 'LeRobot'

    def __init__(self, root: Path, camera: str, max_gap_s: float) -> None:
        self._root, self._camera, self._max_gap_s = root, camera, max_gap_s
        self._video: tuple[Path, VideoFile] | None = None
        self._table: tuple[Path, Any] | None = None

    def names(self) -> Sequence[str]:
        """Episodes by number.

        Raises:
            RecordingError: The dataset is of another version, or its index is damaged.
        """
        return [f'episode {number}' for number in self._episodes]

    @contextmanager
    def open(self, name: str) -> Iterator[TimedRecording]:
        """Open one episode.

        Raises:
            RecordingError: A file is missing or damaged, or lacks a field.
        """
        row = self._episodes[int(name.split()[-1])]
        columns = self._read_rows(row)
        stamps = columns['timestamp']
        check_clock(stamps, 'rows')
        video = self._open_video(row)
        start_s = float(row[f'videos/{self._key}/from_timestamp'])
        first = round(start_s * self._fps)

        def pictures(wanted: Sequence[int]) -> Iterator[Picture]:
            yield from video.frames([first + number for number in wanted])

        yield TimedRecording(
            stamps=stamps,
            pictures=pictures,
            states=pose_track(stamps, columns['cartesian'], columns['gripper'], self._max_gap_s),
            nominal_fps=self._fps,
            success=_labels(columns.get('success'), self._label),
        )

    @cached_property
    def _info(self) -> dict[str, Any]:
        path = self._root / INFO
        try:
            info = json.loads(path.read_text(encoding='utf-8'))
            version, _ = str(info['codebase_version']), info['features']
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordingError(f'{INFO} is damaged or incomplete: {error}') from error
        if not version.startswith('v3'):
            raise RecordingError(
                f'{INFO} says version {version}, and v3.x is read; LeRobot has a script that '
                'converts v2.1 to v3.0'
            )
        return dict(info)

    @property
    def _fps(self) -> float:
        return float(self._info['fps'])

    @cached_property
    def _key(self) -> str:
        """The feature of the camera."""
        features = self._info['features']
        cameras = [
            name
            for name, feature in features.items()
            if name.startswith(_IMAGES) and feature.get('dtype') == 'video'
        ]
        wanted = [name for name in cameras if self._camera in ('', name, name[len(_IMAGES) :])]
        if not wanted:
            names = ', '.join(name[len(_IMAGES) :] for name in cameras) or 'none'
            raise RecordingError(f'no video of the camera {self._camera!r}; there are: {names}')
        return wanted[0]

    @cached_property
    def _episodes(self) -> dict[int, dict[str, Any]]:
        """Rows of the episodes' index by number."""
        key = self._key
        names = ['episode_index', 'length', 'data/chunk_index', 'data/file_index']
        names += [f'videos/{key}/{n}' for n in ('chunk_index', 'file_index', 'from_timestamp')]
        rows: list[dict[str, Any]] = []
        for path in sorted((self._root / 'meta' / 'episodes').rglob('*.parquet')):
            rows += _read_table(path, names).to_pylist()
        if not rows:
            raise RecordingError('meta/episodes has no episodes')
        return {int(row['episode_index']): row for row in rows}

    def _read_rows(self, row: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
        """Columns `timestamp`, `cartesian`, `gripper` and, where known, `success`."""
        features = self._info['features']
        by_pose = CARTESIAN in features and GRIPPER in features
        if not by_pose and STATE not in features:
            raise RecordingError(f'no {CARTESIAN} with {GRIPPER}, and no {STATE}, in {INFO}')
        fields = [CARTESIAN, GRIPPER] if by_pose else [STATE]
        fields += self._label
        table = self._data(row, ['episode_index', 'timestamp', *fields])
        mine = table.filter(np.asarray(table['episode_index']) == row['episode_index'])
        columns = {name: _stack(mine[name]) for name in ('timestamp', *fields)}
        stamps = columns['timestamp'][:, 0]
        if len(stamps) != row['length'] or len(stamps) == 0:
            raise RecordingError(f'{len(stamps)} rows of data; the index says {row["length"]}')
        known = {'timestamp': stamps}
        for name in self._label:
            known['success'] = columns[name][:, 0]
        if by_pose:
            return {
                **known,
                'cartesian': columns[CARTESIAN],
                'gripper': columns[GRIPPER][:, 0],
            }
        return {**known, **self._from_joints(columns[STATE])}

    @property
    def _label(self) -> list[str]:
        """The feature that says whether the task is done, if there is one."""
        return [name for name in SUCCESS if name in self._info['features']][:1]

    def _from_joints(self, state: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Poses from seven joints and the gripper."""
        from jepa_wm_ros.robot.poses import to_euler

        if state.shape[1] != 8:
            raise RecordingError(
                f'{STATE} has {state.shape[1]} numbers; 7 joints and the gripper are needed'
            )
        poses = [self._kinematics.forward(joints) for joints in state[:, :7]]
        rows = [np.concatenate([pose.position, to_euler(pose)]) for pose in poses]
        return {'cartesian': np.reshape(rows, (-1, 6)), 'gripper': state[:, 7]}

    @cached_property
    def _kinematics(self) -> Kinematics:
        from jepa_wm_ros.robot.kinematics import Kinematics

        return Kinematics()

    def _data(self, row: dict[str, Any], names: list[str]) -> Any:
        """The table in which an episode is; kept, because the next one is likely in it too."""
        place = {'chunk_index': row['data/chunk_index'], 'file_index': row['data/file_index']}
        path = self._root / str(self._info.get('data_path') or _DATA).format(**place)
        if self._table is None or self._table[0] != path:
            self._table = (path, _read_table(path, names))
        return self._table[1]

    def _open_video(self, row: dict[str, Any]) -> VideoFile:
        """The file in which an episode is; kept open, for the next one goes on in it."""
        place = {name: row[f'videos/{self._key}/{name}'] for name in ('chunk_index', 'file_index')}
        template = str(self._info.get('video_path') or _VIDEO)
        path = self._root / template.format(video_key=self._key, **place)
        if self._video is None or self._video[0] != path:
            if self._video is not None:
                self._video[1].close()
                self._video = None
            self._video = (path, VideoFile(path))
        return self._video[1]


def _read_table(path: Path, names: list[str]) -> Any:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        return parquet.read_table(path, columns=names)
    except (OSError, KeyError, pyarrow.ArrowException) as error:
        raise RecordingError(f'{path.name} is damaged or lacks columns: {error}') from error


def _labels(
    column: NDArray[np.float64] | None, names: Sequence[str]
) -> NDArray[np.float64] | None:
    """Labels of frames; that of a whole episode, which all its rows have, is its last frame's."""
    if column is None or names != [EPISODE_SUCCESS]:
        return column
    return at_the_end(bool(column[-1]), len(column))


def _stack(column: Any) -> NDArray[np.float64]:
    """Rows of a column as `(n, size)`; numbers and lists alike."""
    return np.array(column.to_pylist(), dtype=np.float64).reshape(len(column), -1)
