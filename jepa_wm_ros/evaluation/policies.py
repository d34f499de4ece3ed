"""Who plays an episode: the planner, and the two that it has to beat."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.planning.plan import Plan
    from jepa_wm_ros.planning.policy import Policy
    from jepa_wm_ros.robot.observation import Observation
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


class PolicyError(JepaWmError):
    """A policy cannot act."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """What to do in one step, and what led to it.

    Attributes:
        action: `(A,)` in physical units.
        cost: Latent distance of the observation from the goal; None without a look.
        plan: The new plan; None when the action comes from an older one.
        encode_time_s: Time that encoding took [s]; None without a look.
    """

    action: NDArray[np.float64]
    cost: float | None = None
    plan: Plan | None = None
    encode_time_s: float | None = None


class EpisodePolicy(Protocol):
    """Something that acts in episodes."""

    @property
    def looks(self) -> bool:
        """Whether it needs pictures; without them an episode is much cheaper."""
        ...

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Start an episode: `(H, W, 3)` uint8 RGB of the goal, and all the randomness it gets."""
        ...

    def act(self, observation: Observation) -> Decision:
        """Choose the next action."""
        ...


class PlannerPolicy:
    """Plans with the world model, exactly as the nodes do."""

    looks = True

    def __init__(self, model: WorldModel, settings: PlanningSettings | None = None) -> None:
        """Play with a model and its planning settings, or others."""
        self._model, self._settings = model, settings
        self._planner: Policy | None = None
        self._goal: Latent | None = None
        self._queue: deque[NDArray[np.float64]] = deque()
        self._last: NDArray[np.float64] | None = None

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Encode the goal and forget the last episode."""
        from jepa_wm_ros.planning.policy import Policy
        from jepa_wm_ros.worldmodel.observation import encode_picture

        if goal_picture is None:
            raise PolicyError('the planner needs a goal picture')
        self._goal = encode_picture(self._model, goal_picture)
        self._planner = Policy(self._model, self._settings, seed=int(rng.integers(2**62)))
        self._queue.clear()
        self._last = None

    def act(self, observation: Observation) -> Decision:
        """Return the next planned action; look and plan again when they are used up."""
        if self._planner is not None and self._last is not None:
            self._planner.executed(self._last)
        decision = (
            Decision(action=self._queue.popleft()) if self._queue else self._plan(observation)
        )
        self._last = decision.action
        return decision

    def _plan(self, observation: Observation) -> Decision:
        from jepa_wm_ros.robot.state import RobotSample
        from jepa_wm_ros.worldmodel.observation import encode_picture

        if self._planner is None or self._goal is None:
            raise PolicyError('act was called before begin')
        started = time.perf_counter()
        robot = RobotSample(observation.pose, observation.gripper)
        state = robot.proprio(self._model.contract.proprio.fields)
        latent = encode_picture(self._model, observation.image, state)
        encode_time_s = time.perf_counter() - started
        plan = self._planner.plan(latent, self._goal)
        if not plan.finite:
            raise PolicyError('the planner gave a plan with NaN or infinity')
        self._queue.extend(plan.actions[1 : plan.execute_steps])
        return Decision(
            action=plan.actions[0], cost=plan.cost_now, plan=plan, encode_time_s=encode_time_s
        )


class RandomPolicy:
    """Moves at random, each action uniform within the bounds."""

    looks = False

    def __init__(self, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> None:
        """Act between `lower` and `upper`, `(A,)` each in physical units."""
        self._lower, self._upper = np.asarray(lower, float), np.asarray(upper, float)
        self._rng: np.random.Generator | None = None

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Take the episode's randomness; the goal does not matter."""
        self._rng = rng

    def act(self, observation: Observation) -> Decision:
        """Return a random action."""
        if self._rng is None:
            raise PolicyError('act was called before begin')
        return Decision(action=self._rng.uniform(self._lower, self._upper))


class NothingPolicy:
    """Stays where it is."""

    looks = False

    def __init__(self, size: int = 7) -> None:
        """Give actions of `size` zeros."""
        self._size = size

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Nothing to prepare."""

    def act(self, observation: Observation) -> Decision:
        """Return zeros."""
        return Decision(action=np.zeros(self._size))


class CalibratedPolicy:
    """Turns the actions of another policy as a calibrated action publisher does."""

    def __init__(self, policy: EpisodePolicy, rotation: NDArray[np.float64]) -> None:
        """Turn by `(3, 3)` from planned to executed motion."""
        self._policy, self._rotation = policy, rotation

    @property
    def looks(self) -> bool:
        """As the other policy."""
        return self._policy.looks

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._policy.begin(goal_picture, rng)

    def act(self, observation: Observation) -> Decision:
        """Return the other policy's action, turned."""
        from jepa_wm_ros.robot.calibration import turned

        decision = self._policy.act(observation)
        return replace(decision, action=turned(decision.action[None], self._rotation)[0])
