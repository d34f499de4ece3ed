"""Whether the driver's own pose of its end effector agrees with the joints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jepa_wm_ros.robot.poses import distance

if TYPE_CHECKING:
    from jepa_wm_ros.robot.poses import Pose

_ADVICE = 'these parameters must say what is set as end effector in the driver (Franka: in Desk)'


def disagreement(
    topic: str, said: Pose | None, joints: Pose, tolerance_m: float, tolerance_rad: float
) -> str:
    """Say how a driver's pose contradicts the joints; empty when it does not.

    A pose that is only turned is as dangerous as one that is shifted: the first target turns the
    flange by as much at once.

    Args:
        topic: Where the driver says it.
        said: Flange by the driver's pose and `tool_position`, `tool_rotation`; None: nothing
            was said.
        joints: Flange by the joints.
        tolerance_m: Most distance [m].
        tolerance_rad: Most angle [rad].
    """
    if said is None:
        return f'no pose of the end effector on {topic}: is its broadcaster active?'
    offset, turn = distance(joints, said)
    if offset > tolerance_m:
        return (
            f"the driver's end effector ({topic}) is {100 * offset:.1f} cm from where joints and "
            f'tool_position, tool_rotation put it (limit {100 * tolerance_m:.1f} cm): {_ADVICE}'
        )
    if turn > tolerance_rad:
        return (
            f"the driver's end effector ({topic}) is turned by {math.degrees(turn):.1f} degrees "
            f'against joints and tool_rotation (limit {math.degrees(tolerance_rad):.1f}): '
            f'{_ADVICE}'
        )
    return ''
