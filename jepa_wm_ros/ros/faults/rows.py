"""The faults: how each is made in a running graph, and what has to be seen then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jepa_wm_msgs.msg import SafetyStatus

from jepa_wm_ros.ros.faults import acts, input_acts
from jepa_wm_ros.ros.faults.graphs import (
    BREAKABLE,
    CABLE,
    CLOCK,
    DEMO,
    DRIVEN,
    FAIL,
    RECORDED,
    RELAYED,
    FaultGraph,
)

if TYPE_CHECKING:
    from jepa_wm_ros.ros.faults.system import FaultSystem

TWO_PICTURES_S = 2.0 / 15.0
PERIODS_S = 0.02
"""Two periods of the commands."""
_MODE_S = 0.04
"""Two periods in which a Franka's state is looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        name: For tables.
        act: Makes it; returns when it happened [s, clock of the machine].
        states: States of the supervisor that are right afterwards.
        words: Part of what is said about it; '' when nothing is said.
        moving: Whether the arm is in the middle of a motion when it happens.
        deadly: Whether the graph has to be started anew afterwards.
        braking: Whether a stop is expected on the command topic.
        notice_s: Most time from the fault to the first command that brakes [s].
        limits: Parameters of the action publisher that are not those of the cell (`PATIENCE`).
        graph: Where it is made.
    """

    name: str
    act: Callable[[FaultSystem], float]
    states: tuple[int, ...] = (SafetyStatus.FAULT,)
    words: str = ''
    moving: bool = True
    deadly: bool = False
    braking: bool = True
    notice_s: float = TWO_PICTURES_S
    limits: Mapping[str, float] = field(default_factory=dict)
    graph: FaultGraph = DEMO


REST = (SafetyStatus.ARMED, SafetyStatus.DISARMED)
_JOINTS_S = 0.1
"""How long the cell, where joint states come every 10 ms, waits for them (`hold_floor_s`)."""
_ROBOT_JOINTS_S = 0.03
"""How long a robot waits for them."""
_GRIPPER_S = 1.0
"""How long the gripper may be silent (`max_gripper_age_s`): it moves slowly."""
_LOOK_S = 0.1
"""How often somebody looks who else publishes."""
ROWS = (
    Row(name='camera stops', act=acts.device(fault='camera_silent'), words='pictures are'),
    Row(
        name='camera repeats one picture',
        act=acts.device(fault='camera_frozen'),
        words='repeated one picture',
    ),
    Row(name='pictures 1 s late', act=acts.device(fault='camera_late'), words='stamp'),
    Row(
        name='joint states stop',
        act=acts.device(fault='joints_silent'),
        words='joint states are',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states stop (hold_floor_s as for a robot)',
        act=acts.device(fault='joints_silent'),
        words='joint states are',
        notice_s=_ROBOT_JOINTS_S,
        limits={'hold_floor_s': _ROBOT_JOINTS_S},
    ),
    Row(
        name='joint states 1 s late',
        act=acts.device(fault='joints_late'),
        words='joint states are',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states of other names',
        act=acts.device(fault='joints_renamed'),
        words='lacks',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states with NaN',
        act=acts.device(fault='joints_nan'),
        words='finite',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='gripper reading stops',
        act=acts.device(fault='gripper_silent'),
        words='reading of the gripper is',
        notice_s=_GRIPPER_S,
    ),
    Row(
        name='second publisher',
        act=acts.second_publisher,
        words='other publisher',
        notice_s=_LOOK_S,
    ),
    Row(
        name='robot must not move (mode, switch)',
        act=acts.not_ready,
        words='robot_ready says no',
        notice_s=PERIODS_S,
    ),
    Row(name='cancel', act=acts.cancel, states=REST, notice_s=PERIODS_S),
    Row(name='service stop', act=acts.stop, states=(SafetyStatus.DISARMED,), notice_s=PERIODS_S),
    Row(
        name='plan with NaN',
        act=acts.plan_with_nan,
        words='not finite',
        moving=False,
        braking=False,
    ),
    *(
        Row(
            name=f'limit of zero ({limit})',
            act=acts.limit_of_zero(limit, usual),
            states=(SafetyStatus.ARMED,),
            words=words,
            moving=False,
            braking=False,
        )
        for limit, usual, words in (
            ('max_plan_age_s', 2.0, 'observation of the plan'),
            ('max_joint_age_s', 0.4, 'joint states are'),
            ('max_image_age_s', 0.5, 'pictures are'),
        )
    ),
    Row(
        name='goal picture of a foreign scene',
        act=acts.foreign_goal,
        states=(SafetyStatus.ARMED,),
        words='MAX_STEPS',
        moving=False,
        braking=False,
    ),
    Row(
        name='policy killed (-9)',
        act=acts.kill('policy', signal.SIGKILL),
        words='pictures are',
        deadly=True,
    ),
    Row(
        name='Ctrl-C of the action publisher',
        act=acts.kill('action_publisher', signal.SIGINT),
        states=(SafetyStatus.DISARMED,),
        deadly=True,
        notice_s=_LOOK_S,
    ),
    Row(
        name='action publisher killed (-9)',
        act=acts.kill('action_publisher', signal.SIGKILL),
        states=(SafetyStatus.EXECUTING,),
        deadly=True,
        braking=False,
    ),
    Row(
        name='clock jumps back',
        act=acts.device(fault='clock_back'),
        words='went backwards',
        notice_s=PERIODS_S,
        graph=CLOCK,
    ),
    Row(
        name='clock jumps forward',
        act=acts.device(fault='clock_forward'),
        words='jumped forward',
        notice_s=PERIODS_S,
        graph=CLOCK,
    ),
    Row(
        name='reflex of the robot',
        act=acts.device(mode='reflex'),
        words='stopped by a reflex',
        notice_s=_MODE_S,
        graph=DRIVEN,
    ),
    Row(
        name='user stop',
        act=acts.device(mode='user_stopped'),
        words='user stop',
        notice_s=_MODE_S,
        graph=DRIVEN,
    ),
    Row(
        name='NaN in a latent',
        act=acts.latent_of_nan,
        states=(SafetyStatus.ARMED,),
        words='PLANNING_FAILED',
        moving=False,
        braking=False,
        graph=RELAYED,
    ),
    Row(
        name='NaN in a command',
        act=acts.kill('action_publisher', FAIL),
        words='not finite',
        notice_s=PERIODS_S,
        deadly=True,
        graph=BREAKABLE,
    ),
    Row(
        name='disk full while recording',
        act=acts.full_disk,
        states=(SafetyStatus.ARMED,),
        words='make room',
        deadly=True,
        braking=False,
        graph=RECORDED,
    ),
    Row(
        name='network cut between policy and robot',
        act=acts.cut_network,
        words='pictures are',
        deadly=True,
        graph=CABLE,
    ),
    Row(
        name='params_file with a misspelt limit',
        act=input_acts.file_without_effect,
        states=REST,
        words='did you mean max_speed_m_s',
        moving=False,
        braking=False,
    ),
    Row(
        name='bag play beside a disarmed arm',
        act=input_acts.bag_beside,
        states=(SafetyStatus.DISARMED,),
        words='others publish what the bag would',
        moving=False,
        braking=False,
    ),
)
