"""Goal requests from services and actions: read, checked, or refused with a reason."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.data.goals.store import GoalStoreError
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.goals import GoalCode, budgets, each, thresholds
from jepa_wm_ros.ros.images import ImageMessageError, decode_image, encode_image
from jepa_wm_ros.worldmodel.camera import PictureError, check_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.data.goals.store import GoalStore
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.worldmodel.contract import CameraContract

_ASPECT_TOLERANCE = 0.02


class RequestCode(IntEnum):
    """Why a goal is refused; the numbers are those of `jepa_wm_msgs/srv/SetGoal`."""

    NONE = 0
    NOT_ACTIVE = 1
    NO_IMAGE = 2
    BAD_PICTURE = 3
    BAD_BUDGET = 4
    NO_OBSERVATION = 5
    BUSY = 6
    NOT_ARMED = 7
    UNKNOWN_GOAL = 8


class RequestError(JepaWmError):
    """A goal is refused, and nothing moves.

    Attributes:
        code: Why, for the service `set_goal`.
        goal_code: Why, for the action `reach_goal`.
    """

    def __init__(
        self, code: RequestCode, message: str, goal_code: GoalCode = GoalCode.BAD_PICTURE
    ) -> None:
        """Refuse a goal with the codes of the service and of the action, and words."""
        super().__init__(message)
        self.code = code
        self.goal_code = goal_code


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RequestedPicture:
    """One goal picture of a request.

    Attributes:
        message: As it came, or as it would have come from the camera.
        picture: The same, `(H, W, 3)` uint8 RGB.
        max_steps: Steps that may be spent on it.
        reached_cost: Latent distance up to which it counts as reached.
        name: For people; may be empty.
        pose: Flange in the base frame when it was taken; None is unknown.
    """

    message: Any
    picture: NDArray[np.uint8]
    max_steps: int
    reached_cost: float
    name: str = ''
    pose: Pose | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoalRequest:
    """A goal that has been checked.

    Attributes:
        goal_id: Identifies the goal in plans and logs.
        name: For people.
        parts: Goal pictures in order.
        preview: Whether to plan only, and move nothing.
        warnings: What is odd about it, for people.
    """

    goal_id: str
    name: str
    parts: tuple[RequestedPicture, ...]
    preview: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circumstances:
    """What a request is read with.

    Attributes:
        camera: What the model takes.
        max_steps: Steps for each picture where nothing else is said.
        reached_cost: Latent distance that counts as reached where nothing else is said.
        seen: Image message of the live camera, whose shape goal pictures must have.
        captured: Picture that stands in when the request has none.
        store: Goals by name.
    """

    camera: CameraContract
    max_steps: int
    reached_cost: float
    seen: Any = None
    captured: Captured | None = None
    store: GoalStore | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Captured:
    """A picture that was taken from the live camera to be a goal.

    Attributes:
        message: The camera's message.
        pose: Flange in the base frame at that time; None is unknown.
    """

    message: Any
    pose: Pose | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidate:
    """A goal picture with what its origin says; None says nothing."""

    message: Any
    name: str = ''
    pose: Pose | None = None
    max_steps: int | None = None
    reached_cost: float | None = None


def read_request(request: Any, around: Circumstances) -> GoalRequest:
    """Read and check a goal.

    Args:
        request: A `SetGoal` request or a `ReachGoal` goal.
        around: What it is read with.

    Raises:
        RequestError: No picture, a broken one, an unknown name, or budgets that do not match.
    """
    found = _candidates(request, around)
    numbered = list(enumerate(found, start=1))
    pictures = [_picture(one, f'goal picture {number}', around) for number, one in numbered]
    steps = [around.max_steps if one.max_steps is None else one.max_steps for one in found]
    costs = [
        around.reached_cost if one.reached_cost is None else one.reached_cost for one in found
    ]
    count = len(found)
    try:
        max_steps = budgets(request.max_steps, count, steps)
        reached_costs = thresholds(request.reached_costs, count, costs)
        names = each(request.names, count, [one.name for one in found], 'names')
    except ValueError as error:
        raise RequestError(RequestCode.BAD_BUDGET, str(error)) from error
    parts = zip(found, pictures, max_steps, reached_costs, names, strict=True)
    return GoalRequest(
        goal_id=uuid.uuid4().hex[:12],
        name=request.name,
        parts=tuple(
            RequestedPicture(
                message=one.message,
                picture=picture,
                max_steps=most,
                reached_cost=cost,
                name=name,
                pose=one.pose,
            )
            for one, picture, most, cost, name in parts
        ),
        preview=request.preview,
        warnings=tuple(_oddities(found, around.seen)),
    )


def _candidates(request: Any, around: Circumstances) -> list[_Candidate]:
    """The pictures of a request: its own, those of stored goals, or the captured one."""
    if request.images:
        return [_Candidate(message=message) for message in request.images]
    if request.name and around.store is not None:
        return [one for name in request.name.split() for one in _stored(name, around.store)]
    if around.captured is None:
        raise RequestError(
            RequestCode.NO_IMAGE,
            'no goal picture: give one or the name of a stored goal, or take one from the camera '
            'with capture_goal first',
        )
    return [_Candidate(message=around.captured.message, pose=around.captured.pose)]


def _stored(name: str, store: GoalStore) -> list[_Candidate]:
    try:
        legs = store.legs(name)
    except GoalStoreError as error:
        raise RequestError(RequestCode.UNKNOWN_GOAL, str(error)) from error
    except JepaWmError as error:
        raise RequestError(RequestCode.BAD_PICTURE, str(error)) from error
    return [
        _Candidate(
            message=encode_image(leg.picture, frame_id=leg.about.camera_frame),
            name=leg.name,
            pose=leg.about.flange,
            max_steps=leg.max_steps,
            reached_cost=leg.reached_cost,
        )
        for leg in legs
    ]


def _picture(candidate: _Candidate, name: str, around: Circumstances) -> NDArray[np.uint8]:
    try:
        picture = decode_image(candidate.message)
        check_picture(picture, around.camera)
    except (ImageMessageError, PictureError) as error:
        raise RequestError(RequestCode.BAD_PICTURE, f'{name}: {error}') from error
    seen = around.seen
    if seen is not None:
        height, width = picture.shape[:2]
        if abs(width / height * seen.height / seen.width - 1.0) > _ASPECT_TOLERANCE:
            raise RequestError(
                RequestCode.BAD_PICTURE,
                f'{name} is {width}x{height} px, but the camera gives '
                f'{seen.width}x{seen.height}: it must show the same field of view',
            )
    return picture


def _oddities(found: list[_Candidate], seen: Any) -> Iterator[str]:
    """What differs from the live camera and may still be meant."""
    if seen is None:
        return
    for number, one in enumerate(found, start=1):
        name = one.name or f'goal picture {number}'
        message, frame = one.message, one.message.header.frame_id
        if (message.width, message.height) != (seen.width, seen.height):
            yield (
                f'{name} is {message.width}x{message.height} px, the camera gives '
                f'{seen.width}x{seen.height}'
            )
        if frame and seen.header.frame_id and frame != seen.header.frame_id:
            yield f'{name} comes from the camera {frame}, not from {seen.header.frame_id}'
