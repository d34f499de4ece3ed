"""The insight node: pictures of what the model sees, wants and expects.

It lives in the process of encoder and planner, because only there are the model, the latents and
the planner's question: a second copy of the weights in the visualizer would cost a gigabyte or
two for the large models, and other latents than those that were planned with. It has a thread of
its own that stands back behind encoder and planner, works only for topics that somebody listens
to, at 1 Hz at most, and never has more than one job waiting. Markers, paths and plots need no
model: they are the visualizer's, in a process without torch.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from sensor_msgs.msg import Image

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.explaining import Explainer
from jepa_wm_ros.nodes.insight_config import InsightConfig
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level
from jepa_wm_ros.ros.images import decode_image, encode_image
from jepa_wm_ros.ros.lifecycle import ManagedNode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.task import Future

    from jepa_wm_ros.nodes.models import ModelShelf
    from jepa_wm_ros.nodes.observations import EncodedObservation
    from jepa_wm_ros.planning.thought import Thought
    from jepa_wm_ros.ros.worker import Worker

    Job = Callable[[], NDArray[np.uint8]]


class InsightNode(ManagedNode):
    """Publishes difference map, landscape and prediction while somebody listens.

    Args:
        worker: A thread for this alone; it is closed when the node is destroyed.
        models: Loads the model.
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type: ClassVar[type] = InsightConfig

    def __init__(self, worker: Worker, models: ModelShelf, **kwargs: Any) -> None:
        self._worker = worker
        self._models = models
        self._observation: EncodedObservation | None = None
        self._thought: Thought | None = None
        self._goal: NDArray[np.uint8] | None = None
        self._working: Future | None = None
        self._times = LatencyMonitor()
        self._explainer: Explainer | None = None
        super().__init__('insight', **kwargs)

    def setup(self) -> None:
        """Take the model from the shelf, create the entities."""
        config: InsightConfig = self.config
        model = self._models.load(config.model, config.device, config.threads)
        settings = config.planning_settings(model.contract.planning)
        self._explainer = Explainer(model, settings)
        self._pictures = {
            topic: self.create_lifecycle_publisher(Image, topic, qos.latest())
            for topic in ('difference_image', 'landscape_image', 'predicted_image')
        }
        self.create_subscription(Image, 'goal_image', self._on_goal, qos.latched())
        self.create_timer(1.0 / config.insight_rate_hz, self._look)

    def destroy_node(self) -> None:
        """End the worker with the node."""
        self._worker.close()
        super().destroy_node()

    def observe(self, observation: EncodedObservation) -> None:
        """Take in an observation by reference."""
        self._observation = observation

    def think(self, thought: Thought) -> None:
        """Take in a plan by reference; called on the planner's thread."""
        self._thought = thought

    def diagnostics(self) -> list[Diagnostic]:
        """How long a round of pictures takes, and whether there is a decoder."""
        trouble = self._explainer.trouble if self._explainer else 'not configured'
        values = self._times.values('round') | {'decoder': trouble or 'ok'}
        return [Diagnostic(name='pictures', level=Level.OK, values=values)]

    def _on_goal(self, message: Image) -> None:
        self._goal = decode_image(message)

    def _look(self) -> None:
        """Have drawn what is listened to, unless the last round is still under way."""
        busy = self._working is not None and not self._working.done()
        if not self.active or busy:
            return
        jobs = self._jobs()
        if jobs:
            self._working = self._worker.submit(partial(self._draw, jobs))
            self._working.add_done_callback(self.guard(self._show))

    def _jobs(self) -> dict[str, Job]:
        """Return what there is to draw, by topic."""
        explainer, seen, thought = self._explainer, self._observation, self._thought
        jobs: dict[str, Job] = {}
        if explainer is None:
            return jobs
        if seen is not None and seen.image is not None and self._goal is not None:
            look = partial(explainer.difference, decode_image(seen.image), seen.latent)
            jobs['difference_image'] = partial(look, self._goal)
        if thought is not None:
            points = self.config.landscape_points
            jobs['landscape_image'] = partial(explainer.landscape, thought, points)
            jobs['predicted_image'] = partial(explainer.prediction, thought)
        return {name: job for name, job in jobs.items() if self._heard(name)}

    def _heard(self, topic: str) -> bool:
        return bool(self._pictures[topic].get_subscription_count())

    def _draw(self, jobs: dict[str, Job]) -> dict[str, NDArray[np.uint8]]:
        """Draw, on the worker."""
        started = time.perf_counter()
        drawn = {topic: job() for topic, job in jobs.items()}
        self._times.add(time.perf_counter() - started)
        return drawn

    def _show(self, done: Future) -> None:
        if done.cancelled() or not self.active:
            return
        try:
            drawn = done.result()
        except JepaWmError as error:
            self.report(error)
            return
        except Exception as error:  # planning goes on, whatever became of its explanation
            self.report(JepaWmError(f'cannot draw: {type(error).__name__}: {error}'))
            return
        stamp = self.get_clock().now().to_msg()
        for topic, picture in drawn.items():
            self._pictures[topic].publish(encode_image(picture, stamp=stamp))
