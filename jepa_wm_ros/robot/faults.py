"""States, fault codes and result codes of the arm. The ROS messages carry the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class SafetyState(IntEnum):
    """What the safety supervisor lets happen."""

    DISARMED = 0
    ARMED = 1
    EXECUTING = 2
    FAULT = 3


class FaultCode(IntEnum):
    """Why the supervisor latched a fault."""

    NONE = 0
    JOINTS_STALE = 1
    JOINTS_INVALID = 2
    IMAGE_STALE = 3
    IMAGE_FROZEN = 4
    NOT_FINITE = 5
    OUTSIDE_WORKSPACE = 6
    JOINT_LIMIT = 7
    TOO_FAST = 8
    UNREACHABLE = 9
    NOT_FOLLOWING = 10
    SECOND_PUBLISHER = 11
    ROBOT_MODE = 12
    CLOCK_JUMP = 13
    INTERNAL = 14
    JOINTS_IMPLAUSIBLE = 15
    SECOND_SOURCE = 16
    CONTROLLER = 17


class ResultCode(IntEnum):
    """How a motion ended, or why it never began."""

    SUCCEEDED = 0
    NOT_ARMED = 1
    FAULT = 2
    BUSY = 3
    BAD_PLAN = 4
    NOT_FINITE = 5
    JOINTS_STALE = 6
    IMAGE_STALE = 7
    IMAGE_FROZEN = 8
    PLAN_TOO_OLD = 9
    DRIFTED = 10
    UNREACHABLE = 11
    SECOND_PUBLISHER = 12
    NOT_SETTLED = 13
    CANCELED = 14
    PREEMPTED = 15
    STOPPED = 16
    SHUTDOWN = 17
    SURPRISED = 18
    NOT_MOVED = 19
    JOINTS_IMPLAUSIBLE = 20
    SECOND_SOURCE = 21
    CONTROLLER = 22


@dataclass(frozen=True, slots=True)
class Fault:
    """A latched fault.

    Attributes:
        code: What went wrong.
        message: The same for people: what, where and what to do.
    """

    code: FaultCode
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out.

    Attributes:
        code: Which rule said no.
        message: The same for people: what, where and what to do.
    """

    code: ResultCode
    message: str
