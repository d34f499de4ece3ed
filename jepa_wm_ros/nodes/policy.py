"""Encoder and planner in one process: latents are handed over by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.models import ModelShelf
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.worker import Worker

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.executors import Executor

    from jepa_wm_ros.ros.lifecycle import ManagedNode


def policy_nodes(
    context: Context, executor: Executor, models: ModelShelf | None = None
) -> list[ManagedNode]:
    """Make an encoder and a planner that share worker thread, model and observations."""
    worker = Worker(executor)
    models = models or ModelShelf()
    encoder = EncoderNode(worker, models, context=context)
    planner = PlannerNode(worker, models, linked=True, context=context)
    encoder.listeners.append(planner.observe)
    return [encoder, planner]


def main(args: list[str] | None = None) -> int:
    """Run encoder and planner in one process."""
    return spin(policy_nodes, args)
