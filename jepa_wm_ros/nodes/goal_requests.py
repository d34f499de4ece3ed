"""Goal requests from services and actions: read, checked, or refused with a reason."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.goals import GoalCode, budgets
from jepa_wm_ros.ros.images import ImageMessageError, decode_image
from jepa_wm_ros.worldmodel.camera import PictureError, check_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
class GoalRequest:
    """A goal that has been checked.

    Attributes:
        goal_id: Identifies the goal in plans and logs.
        name: For people.
        messages: Goal pictures in order, as they came.
        pictures: The same, `(H, W, 3)` uint8 RGB each.
        max_steps: Steps for each of them.
    """

    goal_id: str
    name: str
    messages: tuple[Any, ...]
    pictures: tuple[NDArray[np.uint8], ...]
    max_steps: tuple[int, ...]


def read_request(
    request: Any,
    *,
    camera: CameraContract,
    default_steps: int,
    captured: Any = None,
    seen: Any = None,
) -> GoalRequest:
    """Read and check a goal.

    Args:
        request: A `SetGoal` request or a `ReachGoal` goal.
        camera: What the model takes.
        default_steps: Steps for each picture where the request does not say.
        captured: Image message that stands in when the request has no pictures.
        seen: Image message of the live camera, whose shape goal pictures must have.

    Raises:
        RequestError: No picture, a broken one, or budgets that do not match.
    """
    messages = tuple(request.images) or ((captured,) if captured is not None else ())
    if not messages:
        raise RequestError(
            RequestCode.NO_IMAGE,
            'no goal picture: give one, or take one from the camera with capture_goal first',
        )
    pictures = tuple(
        _picture(message, f'goal picture {number}', camera, seen)
        for number, message in enumerate(messages, start=1)
    )
    try:
        max_steps = budgets(request.max_steps, len(pictures), default_steps)
    except ValueError as error:
        raise RequestError(RequestCode.BAD_BUDGET, str(error)) from error
    return GoalRequest(
        goal_id=uuid.uuid4().hex[:12],
        name=request.name,
        messages=messages,
        pictures=pictures,
        max_steps=tuple(max_steps),
    )


def _picture(message: Any, name: str, camera: CameraContract, seen: Any) -> NDArray[np.uint8]:
    try:
        picture = decode_image(message)
        check_picture(picture, camera)
    except (ImageMessageError, PictureError) as error:
        raise RequestError(RequestCode.BAD_PICTURE, f'{name}: {error}') from error
    if seen is not None:
        height, width = picture.shape[:2]
        if abs(width / height * seen.height / seen.width - 1.0) > _ASPECT_TOLERANCE:
            raise RequestError(
                RequestCode.BAD_PICTURE,
                f'{name} is {width}x{height} px, but the camera gives '
                f'{seen.width}x{seen.height}: it must show the same field of view',
            )
    return picture
