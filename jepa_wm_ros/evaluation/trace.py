"""What was seen of one goal while the ROS graph worked on it, and what follows from it.

Plain data: whoever listens to the graph calls the methods of `Recorder`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.records import EpisodeRecord, StepRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNote:
    """One plan as it was published.

    Attributes:
        stamp_s: When planning ended [s].
        observation_stamp_s: When its picture was taken [s].
        step: Number of the plan within the goal.
        cost: Latent distance of that picture from the goal.
        plan_time_s: Time that planning took [s].
        action: The first action: dx dy dz [m], droll dpitch dyaw [rad], dgripper.
        restarted: Whether it began afresh.
        deadline_hit: Whether the solver ran out of time.
        planned: All actions of the plan, in order; empty where nobody told.
    """

    stamp_s: float
    observation_stamp_s: float
    step: int
    cost: float
    plan_time_s: float
    action: tuple[float, ...]
    restarted: bool = False
    deadline_hit: bool = False
    planned: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One camera picture: capture time [s] and JPEG bytes (raw, a run would fill memory)."""

    stamp_s: float
    jpeg: bytes

    def picture(self) -> NDArray[np.uint8]:
        """Return `(H, W, 3)` uint8 RGB."""
        import cv2

        data = np.frombuffer(self.jpeg, np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@dataclass(slots=True, kw_only=True)
class Trace:
    """Everything about one goal; times are of the graph's clock [s].

    Attributes:
        index: Number of the goal, from 0.
        goal: `(3,)` flange in the goal picture, base frame [m]; for judging only.
        picture: `(H, W, 3)` uint8 RGB, what the planner is given.
        outcome: Name of the result code; empty while it is under way.
        message: The result's own words.
        holds: Why the arm was held on the way, each time that somebody sent the goal again.
        final_cost: Latent distance of the last observation; None when there was none.
        plans: In the order in which they were published.
        positions: True flange positions: time [s] and `(3,)` [m].
        frames: Camera pictures; empty when none are kept.
        expected: `(h, w, 3)` uint8 RGB for each plan: what the model expects to see after its
            last action; empty where nothing can draw it.
    """

    index: int
    goal: NDArray[np.float64]
    picture: NDArray[np.uint8]
    outcome: str = ''
    message: str = ''
    holds: list[str] = field(default_factory=list)
    final_cost: float | None = None
    plans: list[PlanNote] = field(default_factory=list)
    positions: list[tuple[float, NDArray[np.float64]]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    expected: list[NDArray[np.uint8]] = field(default_factory=list)

    def distance_at(self, stamp_s: float) -> float | None:
        """Return the true distance from the goal at a time [m]: that of the last sample before.

        Before the first sample there is only the first one; without samples it is None.
        """
        if not self.positions:
            return None
        at = bisect_right(self.positions, stamp_s, key=lambda sample: sample[0]) - 1
        return float(np.linalg.norm(self.positions[max(at, 0)][1] - self.goal))

    @property
    def start_distance_m(self) -> float | None:
        """True distance from the goal at the beginning [m]."""
        return self.distance_at(-np.inf)

    @property
    def final_distance_m(self) -> float | None:
        """True distance from the goal at the end [m]."""
        return self.distance_at(np.inf)

    def record(self) -> EpisodeRecord | None:
        """Return the episode as the lockstep evaluation would have written it.

        The distance after a step is the one at the picture that the next plan starts from, and
        the last one for the last step. None when the true position was never heard.
        """
        start, final = self.start_distance_m, self.final_distance_m
        if start is None or final is None:
            return None
        looks = [plan.observation_stamp_s for plan in self.plans[1:]]
        ends = [distance for look in looks if (distance := self.distance_at(look)) is not None]
        return EpisodeRecord(
            index=self.index,
            start=tuple(self.positions[0][1].tolist()),
            goal=tuple(self.goal.tolist()),
            start_distance_m=start,
            steps=tuple(
                StepRecord(
                    action=plan.action,
                    distance_m=end,
                    cost=plan.cost,
                    plan_time_s=plan.plan_time_s,
                    restarted=plan.restarted,
                    deadline_hit=plan.deadline_hit,
                )
                for plan, end in zip(self.plans, [*ends, final], strict=False)
            ),
            outcome=self.outcome,
        )


class Recorder:
    """Fills the trace of the goal under way; what comes between goals is dropped."""

    def __init__(self, *, keep_frames: bool) -> None:
        """Record, with or without the camera's pictures."""
        self._keep_frames = keep_frames
        self._trace: Trace | None = None

    def begin(self, trace: Trace) -> None:
        """Everything from now on belongs to this goal."""
        self._trace = trace

    def end(self) -> None:
        """The goal is over."""
        self._trace = None

    def on_plan(self, **values: Any) -> None:
        """Take a plan: the attributes of `PlanNote`.

        A plan that the action publisher refused is made again, with the same step number.
        """
        if self._trace is None:
            return
        note, plans = PlanNote(**values), self._trace.plans
        if plans and plans[-1].step == note.step:
            plans.pop()
        plans.append(note)

    def on_position(self, stamp_s: float, position: NDArray[np.float64]) -> None:
        """Take a true flange position `(3,)` [m]."""
        if self._trace is not None:
            self._trace.positions.append((stamp_s, position))

    def on_picture(self, stamp_s: float, picture: NDArray[np.uint8]) -> None:
        """Take a camera picture `(H, W, 3)` uint8 RGB."""
        trace = self._trace
        if trace is None or not self._keep_frames:
            return
        import cv2

        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        ok, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if ok:
            trace.frames.append(Frame(stamp_s, data.tobytes()))
