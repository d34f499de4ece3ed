"""Faults that come in from outside: files of parameters and bags, by real second processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.ros.connection import GraphError
from jepa_wm_ros.ros.faults.acts import SIDEWAYS, STEPS

if TYPE_CHECKING:
    from jepa_wm_ros.ros.faults.system import FaultSystem

MOST_M = 0.005
"""An arm that has moved no farther has not been moved."""
_PATIENCE_S = 120.0
_COMMAND = (sys.executable, '-m', 'jepa_wm_ros.cli.main')


def file_without_effect(system: FaultSystem) -> float:
    """Bring a second system up with a lower limit whose name is misspelt."""
    began_s = time.time()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'slow.yaml')
        file.write_text('action_publisher:\n  ros__parameters:\n    max_speed: 0.05\n')
        done = _run(system, 'up', 'sim', f'params_file:={file}')
    if done.returncode == 0:
        raise GraphError('a system was brought up with a parameter that has no effect')
    system.observer.result = done.stderr.strip()
    return began_s


def bag_beside(system: FaultSystem) -> float:
    """Record a motion, disarm the arm, and play the bag: as it is, and without what it shares."""
    observer = system.observer
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder, 'bag')
        _record(system, bag)
        observer.disarm()
        observer.wait_for_rest()
        observer.clear()
        began_s = time.time()
        refused = _run(system, 'bag', 'play', str(bag))
        shared = ('/joint_states', '/ee_pose')
        left = _run(system, 'bag', 'play', str(bag), '--exclude', *shared, '--clock', '0')
    moved_m = observer.moved_m()
    if moved_m > MOST_M:
        raise GraphError(f'a bag has moved the disarmed arm by {moved_m:.3f} m')
    observer.result = f'{refused.stderr.strip()}; {left.stderr.strip()}'
    return began_s


def _record(system: FaultSystem, bag: Path) -> None:
    """Record states and commands of a motion."""
    observer = system.observer
    topics = ('/joint_states', '/ee_pose', '/joint_trajectory')
    listeners = observer.node.count_subscribers('/joint_trajectory')
    recorder = subprocess.Popen(
        [*_COMMAND, 'bag', 'record', *topics, '--out', str(bag)],
        env=_environment(system),
        stdout=subprocess.DEVNULL,
    )
    try:
        observer.wait(
            lambda: observer.node.count_subscribers('/joint_trajectory') > listeners,
            'the recorder',
            _PATIENCE_S,
        )
        observer.move(SIDEWAYS, STEPS)
        observer.wait(lambda: observer.result is not None, 'the end of the motion')
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(_PATIENCE_S)


def _run(system: FaultSystem, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_COMMAND, *words],
        env=_environment(system),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def _environment(system: FaultSystem) -> dict[str, str]:
    return {**os.environ, 'ROS_DOMAIN_ID': str(system.observer.domain_id)}
