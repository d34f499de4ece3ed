"""How each fault is made in a running graph; each act returns when it happened [s]."""

from __future__ import annotations

import math
import os
import resource
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.faults.observer import foreign_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from signal import Signals

    from jepa_wm_ros.ros.faults.system import FaultSystem

SIDEWAYS = (0.0, 0.07, 0.0)
STEPS = 4
_GOAL_S = 30.0


def device(**values: str) -> Callable[[FaultSystem], float]:
    """Set parameters of the device that fails."""

    def act(system: FaultSystem) -> float:
        began_s = time.time()
        system.observer.configure(system.graph.device, **values)
        return began_s

    return act


def kill(process: str, number: Signals) -> Callable[[FaultSystem], float]:
    """Send a signal to a process."""

    def act(system: FaultSystem) -> float:
        began_s = time.time()
        os.kill(system.process_ids[process], number)
        return began_s

    return act


def cancel(system: FaultSystem) -> float:
    """Cancel the motion."""
    began_s = time.time()
    system.cancel_s = system.observer.cancel()
    return began_s


def stop(system: FaultSystem) -> float:
    """Call the service `stop`."""
    began_s = time.time()
    system.observer.stop()
    return began_s


def not_ready(system: FaultSystem) -> float:
    """Say that the robot must not move."""
    began_s = time.time()
    system.observer.say_ready(ready=False)
    return began_s


def second_publisher(system: FaultSystem) -> float:
    """Publish on the command topic, too."""
    began_s = time.time()
    node = system.observer.node
    system.intruder = node.create_publisher(JointTrajectory, 'joint_trajectory', qos.latest())
    return began_s


def plan_with_nan(system: FaultSystem) -> float:
    """Send a plan that is not finite."""
    began_s = time.time()
    action = [0.0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0]
    system.observer.ask(system.observer.plan(action, 1))
    return began_s


def limit_of_zero(name: str, usual: float) -> Callable[[FaultSystem], float]:
    """Send a plan while a limit of the action publisher is zero; put its usual value back."""

    def act(system: FaultSystem) -> float:
        observer = system.observer
        observer.configure('action_publisher', **{name: 0.0})
        began_s = time.time()
        try:
            observer.ask(observer.plan([*SIDEWAYS, 0.0, 0.0, 0.0, 0.0], 1))
        finally:
            observer.configure('action_publisher', **{name: usual})
        return began_s

    return act


def foreign_goal(system: FaultSystem) -> float:
    """Pursue a picture of somewhere else."""
    began_s = time.time()
    outcome = system.observer.reach([foreign_picture()], max_steps=4)
    system.observer.result = f'{outcome.code}: {outcome.message}'
    return began_s


def latent_of_nan(system: FaultSystem) -> float:
    """Spoil the latents of a goal that has begun to move the arm."""
    observer, relay = system.observer, system.observer.relay
    assert relay is not None, 'latents go through us in this graph'
    goal = threading.Thread(target=foreign_goal, args=(system,), daemon=True)
    goal.start()
    observer.wait(lambda: observer.speed() > 0.05, 'the arm moves')
    began_s = time.time()
    relay.spoiled = True
    goal.join(_GOAL_S)
    relay.spoiled = False
    return began_s


def full_disk(system: FaultSystem) -> float:
    """Let the recorder write no further, as on a full disk; it has to end and say so."""
    observer, process = system.observer, system.process_ids['recorder']
    # it may still write its log, which is shorter than the bag
    written = [os.stat(file).st_size for file in Path(f'/proc/{process}/fd').iterdir()]
    began_s = time.time()
    resource.prlimit(process, resource.RLIMIT_FSIZE, (max(written), max(written)))
    observer.wait(lambda: 'recorder' in system.ended(), 'the end of the recorder')
    observer.wait(lambda: observer.result is not None, 'the end of the motion')
    observer.result = f'{observer.result}; recorder: {system.last_words("recorder")}'
    return began_s


def cut_network(system: FaultSystem) -> float:
    """Pull the cable."""
    began_s = time.time()
    system.network.cut()
    return began_s
