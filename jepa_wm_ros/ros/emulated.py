"""The drivers of a real arm, emulated: the processes of a lab on one machine without a robot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from jepa_wm_ros.ros.bringup import (
    LOCAL,
    PATIENCE,
    Overrides,
    ParameterValue,
    ProcessSpec,
    sim_process,
    with_defaults,
)
from jepa_wm_ros.ros.drivers import ARMS, ROBOTS

# The cell's own pace: nobody stands near.
_PACE: Mapping[str, ParameterValue] = {
    'max_speed_m_s': 0.5,
    'max_acceleration_m_s2': 4.0,
    'max_rotation_speed_rad_s': 1.0,
}
_PACE_SERVO = {'max_speed_m_s': 0.38, 'max_rotation_speed_rad_s': 0.75}
"""Servo takes no twist above its scales."""


def emulated(
    nodes: Iterable[ProcessSpec], *, driver: str, robot: str, gripper: str, camera: str
) -> list[ProcessSpec]:
    """Put emulated drivers in front of the nodes that would drive a real arm.

    Args:
        nodes: Those nodes, from the same table as for a real arm.
        driver: Row of `ARMS`.
        robot: Row of `ROBOTS`.
        gripper: Row of `GRIPPERS`.
        camera: zed or realsense.
    """
    arm = ARMS[driver]
    pace = {**_PACE, **(_PACE_SERVO if 'servo' in driver else {})}
    emulator = replace(
        sim_process(),
        name='driver_emulator',
        nodes=('driver_emulator',),
        parameter_files=(
            'driver_emulator.yaml', ROBOTS[robot], *arm.parameter_files,
        ),
        parameters={
            'controller': arm.emulator,
            'hand': 'franka_hand' if gripper.startswith('franka_hand') else gripper,
            'camera': camera,
            'robot': robot,
        },
    )  # fmt: skip
    # the renderer has no noise
    lasting: Overrides = {
        'action_publisher': {**pace, **PATIENCE},
        'encoder': {'frozen_after_s': 0.0},
    }
    processes = [emulator, *with_defaults(nodes, lasting)]
    return [replace(p, environment={**LOCAL, **p.environment}) for p in processes]
