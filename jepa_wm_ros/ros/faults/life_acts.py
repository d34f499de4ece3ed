"""Life-cycle transitions at the wrong moment in a running graph."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jepa_wm_msgs.action import ReachGoal
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

from jepa_wm_ros.ros.client import GOAL_CODES, GraphError
from jepa_wm_ros.ros.faults.observer import foreign_picture
from jepa_wm_ros.ros.images import encode_image

if TYPE_CHECKING:
    from jepa_wm_ros.ros.faults.observer import FaultObserver
    from jepa_wm_ros.ros.faults.system import FaultSystem

NODES = ('action_publisher', 'planner', 'encoder', 'insight', 'sim')
_WRONG = (
    Transition.TRANSITION_CREATE,
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Transition.TRANSITION_DESTROY,
)
"""Transitions that an active node does not have."""
_MOVES_M_S = 0.05


def wrong_transitions(system: FaultSystem) -> float:
    """Ask every node, while the arm moves, for what an active node cannot do."""
    observer = system.observer
    began_s = time.time()
    made = [
        f'{name}: {number}'
        for name in NODES
        for number in _WRONG
        if _change(observer, name, number)
    ]
    if made:
        raise GraphError(f'transitions were made that are not possible: {", ".join(made)}')
    dead = [name for name in NODES if _state(observer, name) != 'active']
    if dead:
        raise GraphError(f'no longer active: {", ".join(dead)}')
    observer.wait(lambda: observer.result is not None, 'the end of the motion')
    return began_s


def shut_planner_down(system: FaultSystem) -> float:
    """Shut the planner down while it pursues a goal; its client must get the result."""
    observer = system.observer
    goal = ReachGoal.Goal(images=[encode_image(foreign_picture())], max_steps=[100])
    _, finishing = observer.send_goal(goal)
    observer.wait(lambda: observer.speed() > _MOVES_M_S, 'the arm moves')
    began_s = time.time()
    if not _change(observer, 'planner', Transition.TRANSITION_ACTIVE_SHUTDOWN):
        raise GraphError('the planner refuses to shut down')
    observer.wait(finishing.done, 'the result of the goal')
    result = finishing.result().result
    observer.result = f'{GOAL_CODES.get(result.code, result.code)}: {result.message}'
    return began_s


def _change(observer: FaultObserver, name: str, number: int) -> bool:
    request = ChangeState.Request()
    request.transition.id = number
    client = observer.node.create_client(ChangeState, f'{name}/change_state')
    try:
        return bool(observer.ask_service(client, request, f'{name}/change_state').success)
    finally:
        observer.node.destroy_client(client)


def _state(observer: FaultObserver, name: str) -> str:
    client = observer.node.create_client(GetState, f'{name}/get_state')
    try:
        answer = observer.ask_service(client, GetState.Request(), f'{name}/get_state')
        return str(answer.current_state.label)
    finally:
        observer.node.destroy_client(client)
