"""One prediction of a model on random inputs: does it load, and does it predict?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.observation import encode_picture

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.protocol import WorldModel

CANDIDATES = 2
STEPS = 2


class ProbeError(JepaWmError):
    """A model does not predict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of it.

    Attributes:
        tokens: Tokens of a frame, and numbers in each.
        proprio: Numbers of the robot's state in a latent; 0 for none.
        encode_s: Time to encode one picture [s].
        predict_s: Time to predict two steps of two candidates [s].
    """

    tokens: tuple[int, int]
    proprio: int
    encode_s: float
    predict_s: float


def probe(model: WorldModel, seed: int = 0) -> Probe:
    """Encode one random picture and predict two steps of two random candidates.

    Raises:
        ProbeError: What it predicts is not finite, or not of the latent's shape.
    """
    import torch

    contract = model.contract
    random = np.random.default_rng(seed)
    size = (contract.camera.height, contract.camera.width, 3)
    picture = random.integers(0, 256, size, dtype=np.uint8)
    state = np.array(contract.proprio.mean) if contract.proprio.fields else None
    lower, upper = (
        torch.tensor(contract.action.tiled(bound))
        for bound in (contract.action.lower, contract.action.upper)
    )
    share = torch.from_numpy(random.random((1, CANDIDATES, STEPS, contract.action.dim))).float()
    actions = lower + (upper - lower) * share
    started = time.perf_counter()
    latent = encode_picture(model, picture, state)
    encoded = time.perf_counter()
    device = latent.tokens.device
    with torch.inference_mode():
        predicted = model.rollout(
            latent.map(lambda part: part[:, None]),
            torch.zeros(1, 0, contract.action.dim, device=device),
            actions.to(device),
        )
    finished = time.perf_counter()
    wanted = (1, CANDIDATES, STEPS, *latent.tokens.shape[1:])
    if predicted.tokens.shape != wanted:
        raise ProbeError(
            f'{contract.name} predicts {tuple(predicted.tokens.shape)} instead of {wanted}'
        )
    if not bool(predicted.tokens.isfinite().all()):
        raise ProbeError(f'{contract.name} predicts numbers that are not finite')
    count, numbers = latent.tokens.shape[1:]
    return Probe(
        tokens=(count, numbers),
        proprio=0 if latent.proprio is None else latent.proprio.shape[-1],
        encode_s=encoded - started,
        predict_s=finished - encoded,
    )
