"""One picture in, one latent out: what the encoder node and the evaluation call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.worldmodel.camera import check_picture, prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def encode_picture(
    model: WorldModel, picture: NDArray[np.uint8], proprio: NDArray[np.float64] | None = None
) -> Latent:
    """Encode one camera picture.

    Args:
        model: The world model.
        picture: `(H, W, 3)` uint8 RGB, as the camera gave it.
        proprio: `(P,)` in physical units where the model's contract has proprio fields. None for
            a goal picture, whose robot state nobody knows.

    Returns:
        Tokens `(1, N, D)`.

    Raises:
        PictureError: The picture is of a wrong type or size, or shows nothing.
    """
    import torch

    camera = model.contract.camera
    check_picture(picture, camera)
    state = None
    if proprio is not None and model.contract.proprio.fields:
        state = torch.as_tensor(np.asarray(proprio), dtype=torch.float32)[None, None]
    with torch.inference_mode():
        return model.encode(prepare(picture, camera)[None, None], state).frame(0)
