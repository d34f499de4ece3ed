"""A goal as it is kept: one picture with what is known of it, or a sequence of such goals."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import Pose, from_quaternion_xyzw

FORMAT = 1
ORIGINS = ('camera', 'file', 'bag')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,63}')


class GoalError(JepaWmError, ValueError):
    """A goal that makes no sense."""


def check_name(name: str) -> str:
    """Return a name that can be that of a folder, and stand in a list.

    Raises:
        GoalError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise GoalError(
            f'{name!r} cannot be the name of a goal: letters, digits, `_`, `-` and `.`, at most '
            '64 of them, beginning with a letter or a digit'
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the flange was.

    Attributes:
        position: x, y, z in the base frame [m].
        quaternion_xyzw: Its orientation there, a unit quaternion.
    """

    position: tuple[float, float, float]
    quaternion_xyzw: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalPicture:
    """What is known of a goal picture; None is unknown.

    Attributes:
        width: Of the picture [px].
        height: Of the picture [px].
        origin: camera, file or bag.
        source: The file or bag, or the camera's topic.
        camera_frame: Optical frame of the camera; '' is unknown.
        stamp_s: When it was taken [s].
        pose: Flange at that time, in the base frame.
        joints: Arm joints at that time, base to flange [rad].
        gripper: Closedness at that time, 0 open .. 1 closed.
        model: Name of the model that was running.
        fingerprint: Of that model's contract and weights.
        max_steps: Steps that may be spent on it; None leaves it to the planner.
        reached_cost: Latent distance up to which it counts as reached; None: as above.
        format: Of this file.
    """

    width: int
    height: int
    origin: str
    source: str = ''
    camera_frame: str = ''
    stamp_s: float | None = None
    pose: Placement | None = None
    joints: tuple[float, ...] | None = None
    gripper: float | None = None
    model: str | None = None
    fingerprint: str | None = None
    max_steps: int | None = None
    reached_cost: float | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            GoalError: One makes no sense.
        """
        if self.origin not in ORIGINS:
            raise GoalError(f'origin must be one of {", ".join(ORIGINS)}, got {self.origin!r}')
        _check(self.format, self.max_steps, self.reached_cost)

    @property
    def flange(self) -> Pose | None:
        """The flange in the base frame when it was taken; None is unknown.

        Raises:
            PoseError: The quaternion is none.
        """
        if self.pose is None:
            return None
        return from_quaternion_xyzw(self.pose.position, self.pose.quaternion_xyzw)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceStep:
    """One goal of a sequence.

    Attributes:
        goal: Name of a goal picture in the same store.
        max_steps: Steps that may be spent on it; None takes those of the goal.
        reached_cost: Latent distance up to which it counts as reached; None: as above.
    """

    goal: str
    max_steps: int | None = None
    reached_cost: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            GoalError: One makes no sense.
        """
        check_name(self.goal)
        _check(FORMAT, self.max_steps, self.reached_cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSequence:
    """Goals to be visited in order, such as above, grasp and lift of a pick.

    Attributes:
        steps: The goals, at least one.
        format: Of this file.
    """

    steps: tuple[SequenceStep, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Check that there is something to do.

        Raises:
            GoalError: There is nothing to do.
        """
        if not self.steps:
            raise GoalError('a sequence needs at least one goal')
        _check(self.format, None, None)


def _check(form: int, max_steps: int | None, reached_cost: float | None) -> None:
    if form != FORMAT:
        raise GoalError(f'format must be {FORMAT}, got {form}: the goal is of another version')
    if max_steps is not None and max_steps < 1:
        raise GoalError(f'max_steps must be at least 1, got {max_steps}')
    if reached_cost is not None and not 0.0 < reached_cost < math.inf:
        raise GoalError(f'reached_cost must be above 0, got {reached_cost}')
