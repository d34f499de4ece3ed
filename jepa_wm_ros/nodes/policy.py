"""Encoder, planner and insight in one process: latents are handed over by reference."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.insight import InsightNode
from jepa_wm_ros.nodes.models import ModelShelf
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.ros.scheduling import become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.worker import Worker

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.executors import Executor

    from jepa_wm_ros.ros.lifecycle import ManagedNode

_SWITCH_S = 0.0005
_INSIGHT_NICENESS = 15


def policy_nodes(
    context: Context, executor: Executor, models: ModelShelf | None = None
) -> list[ManagedNode]:
    """Make an encoder and a planner that share model and observations, and what explains them.

    Each has a thread of its own, so that pictures are encoded in time while a plan is made; the
    planner's stands back behind the encoder's, and that of the explanations behind both.
    """
    models = models or ModelShelf()
    encoder = EncoderNode(Worker(executor, name='encoder'), models, context=context)
    thinker = Worker(executor, name='planner', background=True)
    planner = PlannerNode(thinker, models, linked=True, context=context)
    artist = Worker(executor, name='insight', background=True, niceness=_INSIGHT_NICENESS)
    insight = InsightNode(artist, models, context=context)
    encoder.listeners += [planner.observe, insight.observe]
    planner.thought_listeners.append(insight.think)
    return [encoder, planner, insight]


def main(args: list[str] | None = None) -> int:
    """Run encoder and planner in one process."""
    # planning is many short Python calls: callbacks shall not wait 5 ms for their turn
    sys.setswitchinterval(_SWITCH_S)
    become_urgent()
    return spin(policy_nodes, args)


if __name__ == '__main__':
    raise SystemExit(main())
