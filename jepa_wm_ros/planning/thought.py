"""A plan with all that it was made from, for whoever wants to explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.planning.judge import Judge, Question
    from jepa_wm_ros.planning.plan import Plan
    from jepa_wm_ros.planning.space import ActionSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """One plan, from the inside. Nothing in it changes any more: another thread may look at it.

    Attributes:
        plan: What was planned.
        question: What for.
        space: Which actions were allowed.
        judge: Makes a cost function for the question.
    """

    plan: Plan
    question: Question
    space: ActionSpace
    judge: Callable[[Question], Judge]
