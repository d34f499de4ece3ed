"""Faults that a second program makes: another camera, another system; real processes each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.ros import sources
from jepa_wm_ros.ros.bringup import LOCAL
from jepa_wm_ros.ros.client import GraphError
from jepa_wm_ros.ros.faults import ghost as ghost_process
from jepa_wm_ros.ros.faults import second_camera as second_camera_process
from jepa_wm_ros.ros.faults.acts import SIDEWAYS, STEPS
from jepa_wm_ros.ros.processes import Bringup, end_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from jepa_wm_ros.ros.faults.system import FaultSystem

_PATIENCE_S = 4.0
_ACTIVE_S = 120.0
_DOCTOR_S = 120.0
_ARM_S = 3.0
_SEEN_S = 0.5


def second_camera(frame: str) -> Callable[[FaultSystem], float]:
    """Publish other images on the image topic during a motion.

    Args:
        frame: Their frame.
    """

    def act(system: FaultSystem) -> float:
        begin = _guest(system, second_camera_process, '--frame', frame)
        system.observer.move(SIDEWAYS, STEPS)
        return begin()

    return act


def ghost(rate_hz: float) -> Callable[[FaultSystem], float]:
    """Publish joint states of an arm that is elsewhere, during a motion.

    Args:
        rate_hz: How often [Hz].
    """

    def act(system: FaultSystem) -> float:
        begin = _guest(system, ghost_process, '--rate', str(rate_hz))
        system.observer.move(SIDEWAYS, STEPS)
        return begin()

    return act


def ghost_before_arming(system: FaultSystem) -> float:
    """Publish joint states of an arm that is elsewhere, then try to arm, then stop."""
    observer = system.observer
    observer.disarm()
    began_s = _guest(system, ghost_process)()
    time.sleep(_SEEN_S)
    observer.clear()
    try:
        observer.arm(_ARM_S)
    except GraphError as refusal:
        observer.result = f'{refusal}; {_sent(system)}'
    else:
        observer.result = 'armed'
    return began_s


def stop_before_any_motion(system: FaultSystem) -> float:
    """Stop an armed arm that was never commanded."""
    observer = system.observer
    observer.clear()
    began_s = time.time()
    observer.stop()
    time.sleep(_SEEN_S)
    observer.result = _sent(system)
    return began_s


def arm_a_turned_tool(system: FaultSystem) -> float:
    """Try to arm in front of a driver that means another end effector."""
    observer = system.observer
    began_s = time.time()
    try:
        observer.arm(_ARM_S)
    except GraphError as refusal:
        observer.result = str(refusal)
    else:
        observer.result = 'armed'
    return began_s


def _sent(system: FaultSystem) -> str:
    """Say how many commands went to the arm."""
    return f'{len(system.observer.commands) or "no"} commands were sent'


def _guest(system: FaultSystem, module: ModuleType, *words: str) -> Callable[[], float]:
    """Start a program that waits for a line; return what lets it begin, and says when it did."""
    process = subprocess.Popen(
        [sys.executable, '-m', module.__name__, *words],
        env=_surroundings(system),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    system.guests.callback(end_all, {module.__name__: process}, _PATIENCE_S, print)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()  # ready; to start it takes longer than a motion
    # A publisher of a node that is not known yet has no name.
    node = system.observer.node
    system.observer.wait(lambda: f'/{module.NODE}' in sources.all_nodes(node), 'its node')

    def begin() -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'\n')
        process.stdin.flush()
        return float(process.stdout.readline())

    return begin


def second_system(system: FaultSystem) -> float:
    """Bring up a second complete system on the same domain, then try to arm; ask the doctor."""
    observer = system.observer
    observer.disarm()
    processes = system.graph.processes({}, Path())
    logs = system.guests.enter_context(tempfile.TemporaryDirectory())
    other = Bringup(processes, Path(logs), domain_id=system.domain_id, shared=True)
    began_s = time.time()
    system.guests.enter_context(other)
    # nodes of equal names cannot be asked for their states one by one
    observer.wait(lambda: _complete(system), 'a second complete system', _ACTIVE_S)
    try:
        observer.arm(_ARM_S)
    except GraphError as refusal:
        observer.result = f'{refusal}; doctor: {_doctor(system)}'
    else:
        observer.result = 'armed'
    return began_s


def _complete(system: FaultSystem) -> bool:
    """Whether every node of the cell is there twice, and what it publishes, too."""
    node = system.observer.node
    names = [
        f'/{name}' for process in system.graph.processes({}, Path()) for name in process.nodes
    ]
    topics = (system.graph.command_topic, 'image', 'joint_states', 'image_health')
    return sources.doubles(sources.all_nodes(node), names) == sorted(names) and all(
        len(sources.publishers_of(node, topic)) == 2 for topic in topics
    )


def _doctor(system: FaultSystem) -> str:
    """Return what the doctor says about a second system."""
    words = ('doctor', 'sim', '--graph-only', '--json')
    done = subprocess.run(
        [sys.executable, '-m', 'jepa_wm_ros.cli.main', *words],
        env=_surroundings(system),
        capture_output=True,
        text=True,
        timeout=_DOCTOR_S,
        check=False,
    )
    findings = {row['check']: row['found'] for row in json.loads(done.stdout)}
    return str(findings['second system'])


def _surroundings(system: FaultSystem) -> dict[str, str]:
    """Return the environment of a process in the same graph."""
    return {**os.environ, **LOCAL, 'ROS_DOMAIN_ID': str(system.domain_id)}
