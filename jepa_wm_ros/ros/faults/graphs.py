"""The running graphs in which faults are made: the demo's, and some with another weak point."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jepa_wm_ros.ros.bringup import (
    Overrides,
    ParameterValue,
    ProcessSpec,
    cell,
    recorder_process,
    with_overrides,
)

FAIL = signal.SIGUSR1
"""At this signal, the arithmetic of a breakable action publisher fails: its joints become NaN."""
SEND_GOAL, CANCEL_GOALS, SWITCH_SERVO = (
    'rival/send_goal',
    'rival/cancel_goals',
    'rival/switch_servo',
)
"""Services of somebody else at our controller, which make him act."""
# The hand's own turn, and 20 degrees more.
_TURNED_TOOL: Any = (0.0, 0.0, -math.pi / 4.0 + math.radians(20.0))
LATENT_HERE = 'latent_from_encoder'
"""Where the encoder publishes when latents go through us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultGraph:
    """Processes in which something can be broken.

    Attributes:
        name: For people.
        processes: Makes them; takes parameter values by node name and the folder of the logs.
        device: The node that stands for the robot, or a camera, that fails.
        sound: Parameters of it when nothing fails.
        command_topic: Where the arm is commanded; '' where no joints are published for it: then
            the joints that are measured stand for commands.
        relayed: Whether latents go through us.
        cable: Whether the policy is behind a network of its own.
        armed: Whether the arm can be armed before the fault is made.
        rival: Whether somebody else is there who can command the controller, too.
    """

    name: str
    processes: Callable[[Overrides, Path], Sequence[ProcessSpec]]
    device: str = 'sim'
    sound: Mapping[str, ParameterValue] = field(default_factory=lambda: {'fault': 'none'})
    command_topic: str = 'joint_trajectory'
    relayed: bool = False
    cable: bool = False
    rival: bool = False
    armed: bool = True


def _demo(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
    return cell(overrides)


def _simulated_time(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
    """The clock of the machine cannot be set by a test, that of a simulation can."""
    own = {'sim': {'time_source': 'simulation'}}
    listening = ('action_publisher', 'encoder', 'planner')
    return with_overrides(
        with_overrides(cell(overrides), own), {node: {'use_sim_time': True} for node in listening}
    )


def _recorded(overrides: Overrides, logs: Path) -> Sequence[ProcessSpec]:
    bag = logs / f'bag-{time.time_ns()}'
    return (*cell(overrides), recorder_process(bag=str(bag)))


def _relayed(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
    """Encoder and planner in processes of their own, so that latents are messages."""
    sim, publisher, policy = cell(overrides)
    encoder, planner = (
        replace(policy, name=name, nodes=(name,), parameter_files=(f'{name}.yaml',))
        for name in ('encoder', 'planner')
    )
    return sim, publisher, replace(encoder, remappings={'latent': LATENT_HERE}), planner


def _breakable(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
    """The action publisher, with kinematics that fail at a signal."""
    return [
        replace(
            p,
            command=(
                sys.executable,
                '-m',
                'jepa_wm_ros.nodes.emulation.failing_publisher',
                *p.arguments(),
            ),
        )
        if p.name == 'action_publisher'
        else p
        for p in cell(overrides)
    ]


def _emulated(driver: str, overrides: Overrides) -> Sequence[ProcessSpec]:
    """The nodes for a real arm in front of emulated drivers, which know the modes of a Franka."""
    from jepa_wm_ros.ros.systems import SYSTEMS

    wanted = {'driver': driver, 'robot_type': 'fr3', 'camera': 'zed'}
    return with_overrides(SYSTEMS['emulated'].processes(wanted), overrides)


def _driven(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
    return _emulated('franka_ros2', overrides)


def _rivalled(driver: str) -> Callable[[Overrides, Path], Sequence[ProcessSpec]]:
    """Emulated drivers, and in a process of its own somebody who commands them, too."""
    module = 'jepa_wm_ros.nodes.emulation.rival'
    rival = ProcessSpec(
        name='rival', command=(sys.executable, '-m', module), device=True, optional=True
    )

    def processes(overrides: Overrides, _: Path) -> Sequence[ProcessSpec]:
        return (*_emulated(driver, overrides), rival)

    return processes


DEMO = FaultGraph(name='demo', processes=_demo)
CLOCK = FaultGraph(name='simulated time', processes=_simulated_time)
RECORDED = FaultGraph(name='recorded', processes=_recorded)
RELAYED = FaultGraph(name='latents through us', processes=_relayed, relayed=True)
BREAKABLE = FaultGraph(name='failing arithmetic', processes=_breakable)
DRIVEN = FaultGraph(
    name='emulated driver',
    processes=_driven,
    device='driver_emulator',
    sound={'fault': 'none', 'mode': 'idle'},
    command_topic='fr3_arm_controller/joint_trajectory',
)
ACTED = FaultGraph(
    name='emulated controller that gets goals',
    processes=_rivalled('franka_ros2_action'),
    device='driver_emulator',
    sound={'fault': 'none', 'mode': 'idle'},
    command_topic='',
    rival=True,
)
SERVOED = FaultGraph(
    name='emulated MoveIt Servo',
    processes=_rivalled('servo'),
    device='driver_emulator',
    sound={'fault': 'none', 'mode': 'idle'},
    command_topic='',
    rival=True,
)
TURNED = FaultGraph(
    name='emulated crisp controller with another end effector',
    processes=lambda overrides, _: _emulated(
        'crisp', {**overrides, 'driver_emulator': {'tool_rotation': _TURNED_TOOL}}
    ),
    device='driver_emulator',
    sound={'fault': 'none', 'mode': 'idle'},
    command_topic='',
    armed=False,
)
CABLE = FaultGraph(name='network', processes=_demo, cable=True)
