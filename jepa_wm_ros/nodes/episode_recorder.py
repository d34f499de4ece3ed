"""Records one episode of a graph into a bag of its own, beside other work of this process."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from jepa_wm_ros import __version__
from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.recorder import BagRecorder, RecordSettings
from jepa_wm_ros.ros.background import BackgroundSpin
from jepa_wm_ros.ros.joining import join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LOOK_S = 0.02


class EpisodeRecordError(JepaWmError):
    """An episode was not recorded."""


class EpisodeRecorder:
    """Records topics while the body of a `with` runs, exactly as `jepa-wm bag record` does.

    Args:
        folder: Of the new bag; must not exist.
        topics: What is recorded.
        domain_id: DDS domain of the graph.
        use_sim_time: Whether messages are stamped with `/clock`.
        custom: Where the bag comes from.

    Attributes:
        audit: A row for each topic, once the recording has ended.
    """

    def __init__(
        self,
        folder: Path,
        topics: Sequence[str],
        *,
        domain_id: int,
        use_sim_time: bool = False,
        custom: Mapping[str, str] | None = None,
    ) -> None:
        self.audit: list[dict[str, Any]] = []
        self._topics = tuple(topics)
        distro = os.environ.get('ROS_DISTRO', 'jazzy')
        facts = {'jepa_wm_ros': __version__, **(custom or {})}
        self._writer = BagWriter(folder, facts, distro=distro)
        self._context = join(domain_id=domain_id)
        self._node = rclpy.create_node(
            'episode_recorder',
            context=self._context,
            parameter_overrides=[Parameter('use_sim_time', value=use_sim_time)],
        )
        self._recorder = BagRecorder(self._node, self._writer, RecordSettings(topics=self._topics))
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._spin = BackgroundSpin(self._executor, 'episode-recorder')

    def __enter__(self) -> EpisodeRecorder:
        """Begin."""
        self._spin.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and write the indexes."""
        if self._spin.end(timeout_s=5.0):
            self._node.destroy_node()
            self._context.try_shutdown()
        missing, refused = self._recorder.missing(), self._recorder.refused
        self.audit = self._writer.close({'missing': missing, 'refused': refused})

    def attach(self, name: str, text: str) -> None:
        """Keep a text with the bag, before anything is recorded."""
        self._writer.attach(name, 'application/json', text.encode())

    def wait_until_heard(self, topics: Sequence[str], timeout_s: float) -> None:
        """Wait until something of each of some topics has been recorded.

        Raises:
            EpisodeRecordError: Nothing came; names the topics.
        """
        deadline = time.monotonic() + timeout_s
        while silent := [topic for topic in topics if not self._heard(topic)]:
            if time.monotonic() > deadline:
                raise EpisodeRecordError(
                    f'nobody published {", ".join(silent)} within {timeout_s:g} s'
                )
            time.sleep(_LOOK_S)

    def _heard(self, topic: str) -> bool:
        return any(facts.name == topic and facts.count for facts in self._writer.topics)
