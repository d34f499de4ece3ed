"""Where an arm is after an action, for whole batches on the model's device.

A state is x, y, z [m], roll, pitch, yaw [rad] (extrinsic xyz: R = Rz(yaw) Ry(pitch) Rx(roll)) and
the gripper's closure, 0 (open) to 1 (closed). An action has the increments of all seven, and

    p' = p + dp,    R' = R(droll, dpitch, dyaw) R,    g' = clip(g + dg, 0, 1)

both in the base frame (V-JEPA 2-AC, arXiv 2506.09985; angles as stored in DROID).
"""

from __future__ import annotations

import torch
from torch import Tensor

LOCKED = 1e-7
"""Cosine of the pitch under which roll and yaw are one angle; yaw is then taken as 0."""


def integrate(state: Tensor, action: Tensor) -> Tensor:
    """Return the states `(..., 7)` that actions `(..., 7)` lead to from states `(..., 7)`.

    Rotations are composed in double precision: near half a turn, where DROID's roll lives, the
    angles of a float32 matrix have lost four digits.
    """
    turned = euler_matrix(action[..., 3:6].double()) @ euler_matrix(state[..., 3:6].double())
    return torch.cat(
        (
            state[..., :3] + action[..., :3],
            matrix_euler(turned).to(state.dtype),
            (state[..., 6:7] + action[..., 6:7]).clamp(0.0, 1.0),
        ),
        -1,
    )


def euler_matrix(angles: Tensor) -> Tensor:
    """Return the matrices `(..., 3, 3)` of extrinsic roll, pitch, yaw `(..., 3)` [rad]."""
    (cr, cp, cy), (sr, sp, sy) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    entries = (
        (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
        (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
        (-sp, cp * sr, cp * cr),
    )
    return torch.stack([torch.stack(row, -1) for row in entries], -2)


def matrix_euler(rotation: Tensor) -> Tensor:
    """Return extrinsic roll, pitch, yaw `(..., 3)` [rad] of rotations `(..., 3, 3)`."""
    cosine = torch.hypot(rotation[..., 0, 0], rotation[..., 1, 0])
    locked = cosine < LOCKED
    free = torch.atan2(rotation[..., 2, 1], rotation[..., 2, 2])
    tied = torch.atan2(-rotation[..., 1, 2], rotation[..., 1, 1])
    yaw = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack(
        (
            torch.where(locked, tied, free),
            torch.atan2(-rotation[..., 2, 0], cosine),
            torch.where(locked, torch.zeros_like(yaw), yaw),
        ),
        -1,
    )
