"""The process of `jepa-wm bag record`: a node, its recorder, and where the bag comes from."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from jepa_wm_ros import __version__
from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.nodes.recorder import BagRecorder, ParameterSnapshot, RecordSettings
from jepa_wm_ros.ros.joining import join
from jepa_wm_ros.ros.spinning import StopRequest

_PERIOD_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What came of a recording.

    Attributes:
        folder: The bag.
        audit: A row for each topic, silent ones with a count of 0.
        missing: Topics that were asked for and never published.
        refused: Topics that could not be recorded, and why.
    """

    folder: Path
    audit: list[dict[str, Any]]
    missing: list[str]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a bag comes from.

    Attributes:
        bundle: `name@fingerprint` of the model in use; empty for none.
        contract: Its `model.yaml`.
        goals: Goal pictures to keep with the bag.
    """

    bundle: str = ''
    contract: Path | None = None
    goals: tuple[Path, ...] = ()

    def custom(self) -> dict[str, str]:
        """Return what goes into the metadata."""
        return {'jepa_wm_ros': __version__, 'bundle': self.bundle}

    def attach(self, writer: BagWriter) -> None:
        """Put the files into the bag."""
        if self.contract is not None:
            writer.attach('model.yaml', 'application/yaml', self.contract.read_bytes())
        for number, path in enumerate(self.goals):
            kind = 'png' if path.suffix.lower() == '.png' else 'jpeg'
            writer.attach(f'goal_{number}{path.suffix}', f'image/{kind}', path.read_bytes())


def record(
    folder: Path,
    settings: RecordSettings,
    provenance: Provenance,
    *,
    duration_s: float | None = None,
    compression: str = 'zstd',
    use_sim_time: bool = False,
) -> Recording:
    """Record until SIGINT, SIGTERM or for a while.

    Args:
        folder: Of the new bag; must not exist.
        settings: What is recorded.
        provenance: Where it comes from.
        duration_s: How long [s]; None until a signal.
        compression: Of the chunks.
        use_sim_time: Whether messages are stamped with `/clock`.

    Raises:
        BagWriteError: The folder exists, or cannot be made.
    """
    distro = os.environ.get('ROS_DISTRO', 'jazzy')
    writer = BagWriter(folder, provenance.custom(), compression=compression, distro=distro)
    context = join()
    stop = StopRequest()
    node = rclpy.create_node(
        'bag_recorder',
        context=context,
        parameter_overrides=[Parameter('use_sim_time', value=use_sim_time)],
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        provenance.attach(writer)
        recorder = BagRecorder(node, writer, settings)
        ParameterSnapshot(node, writer)
        end = None if duration_s is None else time.monotonic() + duration_s
        while not stop.requested and (end is None or time.monotonic() < end):
            executor.spin_once(timeout_sec=_PERIOD_S)
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
        stop.restore()
    missing, refused = recorder.missing(), recorder.refused
    audit = writer.close({'missing': missing, 'refused': refused})
    return Recording(folder=folder, audit=audit, missing=missing, refused=refused)
