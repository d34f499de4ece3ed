"""What it means to pursue a goal: pictures in order, budgets of steps, and how it can end.

Plain Python: the nodes bring the latents, the plans and the arm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.worldmodel.latent import Latent

T = TypeVar('T')


class GoalCode(IntEnum):
    """Why a goal ended; the numbers are those of `jepa_wm_msgs/action/ReachGoal`."""

    REACHED = 0
    MAX_STEPS = 1
    STALLED = 2
    CANCELED = 3
    PREEMPTED = 4
    NOT_ARMED = 5
    FAULT = 6
    BAD_PICTURE = 7
    NO_OBSERVATION = 8
    PLANNING_FAILED = 9
    EXECUTION_FAILED = 10
    SHUTDOWN = 11
    PREVIEWED = 12
    NOT_MOVED = 13


class GoalError(JepaWmError):
    """A goal cannot be pursued any further, or not at all.

    Attributes:
        code: Why.
    """

    def __init__(self, code: GoalCode, message: str) -> None:
        """End a goal with a code and the same for people."""
        super().__init__(message)
        self.code = code


STALL_FALL = 0.97
"""A latent distance has fallen when it is below this part of the least one before."""


class Verdict(Enum):
    """What to do after an observation."""

    GO_ON = 'plan and move'
    NEXT = 'turn to the next goal picture'
    END = 'the goal has ended'


@dataclass(frozen=True, slots=True, kw_only=True)
class SubGoal:
    """One goal picture.

    Attributes:
        latent: What the encoder makes of it, tokens `(1, N, D)`.
        max_steps: How many steps may be spent on it.
        reached_cost: Latent distance up to which it counts as reached.
        name: For people; may be empty.
        picture: The message that the picture came in, for showing it; may be None.
        pose: Flange in the base frame when it was taken; None is unknown.
    """

    latent: Latent
    max_steps: int
    reached_cost: float
    name: str = ''
    picture: Any = None
    pose: Pose | None = None


@dataclass(slots=True, kw_only=True)
class GoalSession:
    """The book-keeping of one goal from acceptance to end.

    A sub-goal ends when it is reached (if `stop_when_reached`) or when its steps are used up;
    then comes the next one. The goal as a whole ends with the last sub-goal, and is reached if
    the last observation is near enough to it.

    Attributes:
        sub_goals: Goal pictures in order, at least one.
        stop_when_reached: False uses all steps, for evaluations in which every episode has the
            same length.
        stall_steps: A sub-goal that is not reached ends the goal after this many steps without a
            fall of the distance; 0 never does, nor does a goal that uses all steps.
        index: Sub-goal under way.
        steps: Executed steps, in all.
        cost: Newest latent distance to the current sub-goal; NaN before the first.
        best_cost: Least latent distance to the current sub-goal; infinite before the first.
    """

    sub_goals: Sequence[SubGoal]
    stop_when_reached: bool = True
    stall_steps: int = 0
    index: int = 0
    steps: int = 0
    cost: float = math.nan
    best_cost: float = math.inf
    _steps_here: int = field(default=0, init=False)
    _fell_at: int = field(default=0, init=False)

    @property
    def current(self) -> SubGoal:
        """The sub-goal under way."""
        return self.sub_goals[self.index]

    @property
    def steps_left(self) -> int:
        """How many steps the current sub-goal may still take."""
        return self.current.max_steps - self._steps_here

    @property
    def reached(self) -> bool:
        """Whether the newest observation is near enough to the current sub-goal."""
        return self.cost <= self.current.reached_cost

    @property
    def stalled(self) -> bool:
        """Whether the arm has not come nearer for too long."""
        waited = self._steps_here - self._fell_at
        watched = self.stop_when_reached and self.stall_steps > 0 and not self.reached
        return watched and waited >= self.stall_steps

    def judge(self, cost: float) -> Verdict:
        """Take in the latent distance of a new observation to the current sub-goal.

        Raises:
            GoalError: The distance is not a number.
        """
        if not math.isfinite(cost):
            raise GoalError(
                GoalCode.PLANNING_FAILED,
                f'the latent distance to the goal is {cost}; are camera and model all right?',
            )
        self.cost = cost
        if cost < STALL_FALL * self.best_cost:
            self._fell_at = self._steps_here
        self.best_cost = min(self.best_cost, cost)
        done = self.steps_left <= 0 or (self.reached and self.stop_when_reached)
        if not done:
            return Verdict.END if self.stalled else Verdict.GO_ON
        return Verdict.END if self.index == len(self.sub_goals) - 1 else Verdict.NEXT

    def executed(self, steps: int) -> None:
        """Count executed steps."""
        self.steps += steps
        self._steps_here += steps

    def advance(self) -> None:
        """Turn to the next sub-goal."""
        self.index += 1
        self._steps_here = self._fell_at = 0
        self.cost, self.best_cost = math.nan, math.inf

    def ending(self) -> tuple[GoalCode, str]:
        """Code and message of a goal that came to its regular end."""
        if self.reached:
            return GoalCode.REACHED, f'reached after {self.steps} steps'
        if self.steps_left > 0:
            return GoalCode.STALLED, (
                f'no nearer for {self.stall_steps} steps (stall_steps): the latent distance is '
                f'{self.cost:.4g}, reached counts from {self.current.reached_cost:.4g}'
            )
        return GoalCode.MAX_STEPS, (
            f'not reached in {self.steps} steps: the latent distance is {self.cost:.4g}, reached '
            f'counts from {self.current.reached_cost:.4g}'
        )


def each(values: Sequence[T], pictures: int, default: Sequence[T], name: str) -> list[T]:
    """One value for each goal picture.

    Args:
        values: One per picture, one for all of them, or none for the defaults.
        pictures: How many pictures there are.
        default: What holds without values, one per picture.
        name: Of the values, for the message.

    Raises:
        ValueError: The numbers do not match the pictures.
    """
    given = list(values) or list(default)
    if len(given) == 1:
        given *= pictures
    if len(given) != pictures:
        raise ValueError(
            f'{name} has {len(given)} entries for {pictures} goal pictures; give one for each, '
            'one for all, or none'
        )
    return given


def budgets(max_steps: Sequence[int], pictures: int, default: Sequence[int]) -> list[int]:
    """Steps for each goal picture; arguments as for `each`.

    Raises:
        ValueError: The numbers do not match the pictures, or one is 0.
    """
    steps = each(max_steps, pictures, default, 'max_steps')
    if min(steps) < 1:
        raise ValueError(f'max_steps must be at least 1, got {steps}')
    return steps


def thresholds(costs: Sequence[float], pictures: int, default: Sequence[float]) -> list[float]:
    """Latent distances from which each picture counts as reached; arguments as for `each`.

    Raises:
        ValueError: The numbers do not match the pictures, or a given one is not above 0.
    """
    # what a model says itself may be 0: nobody has measured when its pictures look alike
    if not all(0.0 < limit < math.inf for limit in costs):
        raise ValueError(f'reached_costs must be above 0, got {list(costs)}')
    return each(costs, pictures, default, 'reached_costs')
