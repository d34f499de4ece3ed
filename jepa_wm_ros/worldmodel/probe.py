"""One prediction of a model on random inputs: does it load, and does it predict?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.observation import encode_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.latent import Latent
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
    lower, upper = (
        torch.tensor(contract.action.tiled(bound))
        for bound in (contract.action.lower, contract.action.upper)
    )
    share = torch.from_numpy(random.random((1, CANDIDATES, STEPS, contract.action.dim))).float()
    actions = lower + (upper - lower) * share
    started = time.perf_counter()
    latent = _encode(model, picture)
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


def _encode(model: WorldModel, picture: NDArray[np.uint8]) -> Latent:
    """Encode a picture, or random slots for a model that is given them; `(1, N, D)`."""
    import torch

    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
    from jepa_wm_ros.worldmodel.slot_providers import GivenSlots

    proprio = model.contract.proprio
    if isinstance(model, SlotWorldModel) and isinstance(model.encoder, GivenSlots):
        slots = torch.randn(1, 1, model.encoder.slots, model.encoder.dim)
        state = torch.tensor(proprio.mean)[None, None] if proprio.fields else None
        device = next(model.parameters()).device
        with torch.inference_mode():
            given = None if state is None else state.to(device)
            return model.encode_given(slots.to(device), given).frame(0)
    return encode_picture(model, picture, np.array(proprio.mean) if proprio.fields else None)
