"""The folder in which goals lie under their names.

    <folder>/<name>/picture.png   as the camera saw it
    <folder>/<name>/goal.yaml     what is known of it (`GoalPicture`)

A sequence is a folder with `sequence.yaml` alone, which names other goals. Goals appear and vanish
as a whole: they are written beside and renamed.
"""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.data.goals.goal import GoalPicture, GoalSequence, check_name
from jepa_wm_ros.data.goals.pictures import read_picture, write_picture
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.schema import plain, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURE, GOAL, SEQUENCE = 'picture.png', 'goal.yaml', 'sequence.yaml'
FOLDER_VARIABLE = 'JEPA_WM_GOALS'


class GoalStoreError(JepaWmError):
    """A goal is not there, cannot be read, or cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leg:
    """One picture on the way, with what may be spent on it.

    Attributes:
        name: Of the goal.
        picture: `(H, W, 3)` uint8 RGB.
        about: What is known of it.
        max_steps: Most steps; None leaves it to the planner.
        reached_cost: Latent distance up to which it counts as reached; None: as above.
    """

    name: str
    picture: NDArray[np.uint8]
    about: GoalPicture
    max_steps: int | None
    reached_cost: float | None


def goal_folder(given: str | Path = '') -> Path:
    """Return the folder of goals: the given one, else `$JEPA_WM_GOALS`, else the user's own."""
    chosen = str(given) or os.environ.get(FOLDER_VARIABLE, '')
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get('XDG_DATA_HOME') or Path.home() / '.local' / 'share'
    return Path(data) / 'jepa_wm' / 'goals'


class GoalStore:
    """Goals in a folder; it need not exist yet.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        """Take a folder."""
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of all goals, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if _kind(path) is not None)

    def about(self, name: str) -> GoalPicture | GoalSequence:
        """Return what is known of a goal.

        Raises:
            GoalStoreError: There is none of that name; the message says which there are.
            SchemaError: Its file is not what it should be.
        """
        folder = self._folder(name)
        kind = _kind(folder)
        assert kind is not None, 'a goal that was found has a kind'
        file = folder / (GOAL if kind is GoalPicture else SEQUENCE)
        try:
            content = yaml.safe_load(file.read_text(encoding='utf-8'))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise GoalStoreError(
                f'{file} cannot be read: {error}; capture the goal again, or delete it'
            ) from error
        return read(kind, content, file)

    def legs(self, name: str) -> list[Leg]:
        """Return the pictures of a goal or sequence in order.

        Raises:
            GoalStoreError: One is not there, or a sequence is part of a sequence.
            PictureFileError: A picture is damaged.
        """
        about = self.about(name)
        if isinstance(about, GoalPicture):
            return [self._leg(name, about, about.max_steps, about.reached_cost)]
        legs = []
        for step in about.steps:
            part = self.about(step.goal)
            if not isinstance(part, GoalPicture):
                raise GoalStoreError(
                    f'{self.folder / name}: {step.goal!r} is a sequence itself; name its pictures'
                )
            steps = step.max_steps if step.max_steps is not None else part.max_steps
            cost = step.reached_cost if step.reached_cost is not None else part.reached_cost
            legs.append(self._leg(step.goal, part, steps, cost))
        return legs

    def save(self, name: str, about: GoalPicture, picture: NDArray[np.uint8]) -> Path:
        """Keep a picture; one of the same name is replaced. Returns its folder.

        Raises:
            GoalError: The name cannot be used.
            GoalStoreError: It cannot be written, or a sequence has that name.
        """
        self._require_kind(name, GoalPicture)
        return self._write(name, GOAL, about, picture)

    def save_sequence(self, name: str, sequence: GoalSequence) -> Path:
        """Keep a sequence of goals that are there; returns its folder.

        Raises:
            GoalError: The name cannot be used.
            GoalStoreError: It cannot be written, a goal of it is not there, or a picture has
                that name.
        """
        self._require_kind(name, GoalSequence)
        for step in sequence.steps:
            if not isinstance(self.about(step.goal), GoalPicture):
                raise GoalStoreError(f'{step.goal!r} is a sequence itself; name its pictures')
        return self._write(name, SEQUENCE, sequence, None)

    def delete(self, name: str) -> None:
        """Forget a goal.

        Raises:
            GoalStoreError: There is none of that name, or a sequence needs it.
        """
        folder = self._folder(name)
        needed = [other for other in self.names() if name in self._parts(other)]
        if needed:
            raise GoalStoreError(
                f'{name!r} is part of {", ".join(needed)}; delete what needs it first'
            )
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise GoalStoreError(f'cannot delete {folder}: {error.strerror or error}') from error

    def _parts(self, name: str) -> set[str]:
        try:
            about = self.about(name)
        except JepaWmError:
            return set()  # a damaged goal must not keep others from being deleted
        return {s.goal for s in about.steps} if isinstance(about, GoalSequence) else set()

    def _leg(
        self, name: str, about: GoalPicture, max_steps: int | None, reached_cost: float | None
    ) -> Leg:
        picture = read_picture(self.folder / name / PICTURE)
        return Leg(
            name=name,
            picture=picture,
            about=about,
            max_steps=max_steps,
            reached_cost=reached_cost,
        )

    def _folder(self, name: str) -> Path:
        names = self.names()
        if name in names:
            return self.folder / name
        there = f'there are: {", ".join(names)}' if names else 'there are none yet'
        near = difflib.get_close_matches(name, names, n=1)
        hint = f' Did you mean {near[0]!r}?' if near else ''
        raise GoalStoreError(f'no goal {name!r} in {self.folder}; {there}.{hint}')

    def _require_kind(self, name: str, kind: type) -> None:
        there = _kind(self.folder / check_name(name))
        if there not in (None, kind):
            word = 'a sequence' if there is GoalSequence else 'a picture'
            raise GoalStoreError(f'{name!r} is {word} already; take another name, or delete it')

    def _write(self, name: str, file: str, about: Any, picture: NDArray[np.uint8] | None) -> Path:
        folder = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix='.new-') as beside:
                new = Path(beside) / name
                new.mkdir()
                if picture is not None:
                    write_picture(new / PICTURE, picture)
                text = yaml.safe_dump(plain(about), sort_keys=False)
                (new / file).write_text(text, encoding='utf-8')
                if folder.exists():
                    folder.rename(Path(beside) / 'old')
                new.rename(folder)
        except OSError as error:
            raise GoalStoreError(f'cannot write {folder}: {error.strerror or error}') from error
        return folder


def _kind(folder: Path) -> type | None:
    """What a folder holds."""
    if folder.name.startswith('.'):
        return None
    if (folder / GOAL).is_file():
        return GoalPicture
    return GoalSequence if (folder / SEQUENCE).is_file() else None
