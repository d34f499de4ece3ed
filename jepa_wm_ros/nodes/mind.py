"""The model's side of a goal: encoding, judging and planning, all on the worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.nodes.models import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from rclpy.task import Future

    from jepa_wm_ros.planning.imagination import Wish
    from jepa_wm_ros.planning.plan import Plan
    from jepa_wm_ros.planning.thought import Thought
    from jepa_wm_ros.ros.worker import Worker
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


class Mind:
    """A policy whose methods return futures.

    Args:
        model: The world model.
        worker: The thread on which it works.
        settings: Planning settings.
        seed: Of the sampling.
        on_thought: Called with each plan and what it was made from, on the worker thread; must
            not take time.
    """

    def __init__(
        self,
        model: WorldModel,
        worker: Worker,
        settings: PlanningSettings,
        seed: int = 0,
        on_thought: Callable[[Thought], None] = lambda _: None,
    ) -> None:
        from jepa_wm_ros.planning.policy import Policy

        self.model = model
        self._worker = worker
        self._on_thought = on_thought
        self._policy = Policy(model, settings, seed)

    def warm_up(self) -> None:
        """Encode and plan once, blocking, so that the first goal does not pay for set-up."""
        from jepa_wm_ros.worldmodel.observation import encode_picture

        def think() -> None:
            warm_up(self.model)
            size = (self.model.contract.camera.height, self.model.contract.camera.width, 3)
            noise = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
            latent = encode_picture(self.model, noise)
            self._policy.plan(latent, latent)
            self._policy.reset()

        self._worker.call(think)

    def begin(self, pictures: Sequence[NDArray[np.uint8]]) -> Future:
        """Forget the last goal and encode the new one's pictures; gives a list of latents.

        The future raises PictureError for a picture that cannot be used.
        """
        from jepa_wm_ros.worldmodel.observation import encode_picture

        def work() -> list[Latent]:
            self._policy.reset()
            return [encode_picture(self.model, picture) for picture in pictures]

        return self._worker.submit(work)

    def distance(self, latent: Latent, goal: Latent) -> Future:
        """Gives the latent distance of an observation from a goal, a float."""
        return self._worker.submit(lambda: float(self._policy.objective.distance(latent, goal)[0]))

    def plan(self, latent: Latent, goal: Latent) -> Future:
        """Gives a `Plan` from an observation to a goal."""

        def work() -> Plan:
            plan = self._policy.plan(latent, goal)
            self._tell(plan)
            return plan

        return self._worker.submit(work)

    def turn(self) -> Future:
        """Forget the warm start: the next sub-goal lies elsewhere."""
        return self._worker.submit(self._policy.reset)

    def imagine(self, latent: Latent, wishes: Sequence[Wish]) -> Future:
        """Gives the way from an observation to goals as `Imagined`, without looking between."""
        from jepa_wm_ros.planning.imagination import imagine

        return self._worker.submit(lambda: imagine(self._policy, latent, wishes))

    def interrupt(self) -> None:
        """End the search under way soon: nobody waits for it; `begin` takes it back."""
        self._policy.interrupt()

    def passed(self, steps: int) -> Future:
        """Tell the policy how many steps passed while the arm moved on."""
        return self._worker.submit(lambda: self._policy.passed(steps))

    def executed(self, actions: NDArray[np.float64]) -> Future:
        """Tell the policy which actions `(n, A)` were executed."""

        def work() -> None:
            for action in actions:
                self._policy.executed(action)

        return self._worker.submit(work)

    def _tell(self, plan: Plan) -> None:
        """Tell who wants to explain the plan what it was made from."""
        from jepa_wm_ros.planning.thought import Thought

        policy = self._policy
        if policy.question is not None:
            self._on_thought(
                Thought(
                    plan=plan, question=policy.question, space=policy.space, judge=policy.judge
                )
            )
