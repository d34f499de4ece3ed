"""What the model expected of its plans, as pictures: computed again when a run is over.

A plan on the wire carries actions, not latents. The picture that it was made from and the actions
are kept, and the model answers the same each time; the run itself is not slowed by drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.evaluation.head_pictures import to_bytes
from jepa_wm_ros.worldmodel.observation import encode_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.trace import PlanNote, Trace
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def can_foresee(model: WorldModel) -> bool:
    """Whether one picture is all that a prediction needs.

    States of the robot and earlier frames are not kept with a plan.
    """
    return model.contract.context == 1 and not model.contract.proprio.fields


def foresee(model: WorldModel, decoder: Decoder, traces: Sequence[Trace]) -> None:
    """Draw what should be seen after the last action of each plan, into `Trace.expected`.

    Args:
        model: The one that planned; see `can_foresee`.
        decoder: Its decoder.
        traces: The goals; those without pictures stay as they are.
    """
    for trace in traces:
        if trace.frames and all(plan.planned for plan in trace.plans):
            trace.expected = [_expected(model, decoder, trace, plan) for plan in trace.plans]


@torch.inference_mode()
def _expected(
    model: WorldModel, decoder: Decoder, trace: Trace, plan: PlanNote
) -> NDArray[np.uint8]:
    stamps = np.array([frame.stamp_s for frame in trace.frames])
    seen = trace.frames[int(np.abs(stamps - plan.observation_stamp_s).argmin())].picture()
    context = encode_picture(model, seen).map(lambda part: part[:, None])
    actions = context.tokens.new_tensor(plan.planned)[None, None]
    past = actions.new_zeros(1, 0, actions.shape[-1])
    end = model.rollout(context, past, actions).map(lambda part: part[:, 0, -1])
    return to_bytes(decoder.decode(end))[0]
