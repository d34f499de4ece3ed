"""Moves for a calibration: where they go, and what a model makes of the pictures between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.inverse import InversePlanner
from jepa_wm_ros.worldmodel.observation import encode_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from jepa_wm_ros.evaluation.closed_loop import Environment
    from jepa_wm_ros.robot.observation import Observation
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

LEAST_SHARE = 0.5
"""A move is at least this part of the reach, so that there is something to see."""
LEAST_EXPLAINED = 0.2
"""Moves of which the model explains less are left out: it did not see them."""
LONGEST_SHARE = 0.8
"""The longest move, as a part of the model's action bound: a plan shall not stop at the bound."""
_TRIES = 1000


class MoveError(JepaWmError):
    """There are no moves to calibrate with."""


@dataclass(frozen=True, slots=True, eq=False)
class ObservedMove:
    """One move of the arm and the pictures around it.

    Attributes:
        before: Latent of the observation before.
        after: Latent of the picture afterwards, as a goal: without the robot's own state, which
            would give away the motion that shall be inferred from the picture.
        executed: `(3,)` how the flange went, in the base frame [m].
    """

    before: Latent
    after: Latent
    executed: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MovePairs:
    """What a model would have done, beside what was done, for each move.

    Attributes:
        planned: `(K, 3)` [m].
        executed: `(K, 3)` [m].
        unseen: How many other moves the model did not see.
    """

    planned: NDArray[np.float64]
    executed: NDArray[np.float64]
    unseen: int


def longest_move(model: WorldModel) -> float:
    """Return how far a move may go so that the model could have planned it in one step [m]."""
    action = model.contract.action
    bounds = [min(-low, high) for low, high in zip(action.lower, action.upper, strict=True)]
    return LONGEST_SHARE * min(bound for bound in bounds[:3] if bound > 0.0)


def targets(
    centre: ArrayLike, reach_m: float, longest_m: float, count: int, seed: int = 0
) -> NDArray[np.float64]:
    """Return flange positions `(count, 3)` [m] to visit, in a cube around where the arm is.

    Neighbours are apart, but not too far, and the moves between them go into all directions.

    Args:
        centre: `(3,)` where the arm is [m]; the first move begins here.
        reach_m: Half the side of the cube [m].
        longest_m: Longest move [m].
        count: How many.
        seed: Draws them.
    """
    rng = np.random.default_rng(seed)
    here = middle = np.asarray(centre, dtype=np.float64)
    found = []
    for _ in range(count):
        for _ in range(_TRIES):
            there = middle + rng.uniform(-reach_m, reach_m, 3)
            move = there - here
            far = np.linalg.norm(move[:2]) >= LEAST_SHARE * min(reach_m, longest_m)
            if far and np.linalg.norm(move) <= longest_m:
                break
        found.append(there)
        here = there
    return np.array(found)


def cell_moves(
    model: WorldModel, environment: Environment, positions: NDArray[np.float64]
) -> Iterator[ObservedMove]:
    """Visit positions `(K, 3)` [m] of the simulated cell in lockstep.

    Args:
        model: Encodes the pictures.
        environment: Has been reset.
        positions: In the frame in which the robot reports its pose.

    Yields:
        Each move.
    """
    seen = environment.step(np.zeros(7))
    for position in positions:
        action = np.zeros(7)
        action[:3] = position - seen.pose.position
        before, start = _observed(model, seen), seen.pose.position
        seen = environment.step(action)
        yield ObservedMove(before, encode_picture(model, seen.image), seen.pose.position - start)


def bag_moves(
    bag: Path, model: WorldModel, least_m: float, longest_m: float
) -> list[ObservedMove]:
    """Return the steps of a bag, or of other recordings, in which the arm moved.

    Args:
        bag: Bag or other source of recordings.
        model: Encodes the pictures; its contract says how long a step is.
        least_m: Least motion of the flange [m].
        longest_m: Longest [m].

    Raises:
        RecordingError: It cannot be read.
        MoveError: The arm did not move in it.
    """
    from jepa_wm_ros.data.readers.detection import find_source
    from jepa_wm_ros.data.readers.mapping import read_mapping
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.tracks import Losses, read_tracks

    settings = BagEvalSettings()
    source = find_source(bag, read_mapping(settings.mapping), settings.camera, settings.max_gap_s)
    found = []
    for name in source.names():
        with source.open(name) as recording:
            for track in read_tracks(recording, model, settings.max_gap_s, Losses()):
                for k, action in enumerate(track.actions):
                    if least_m <= np.linalg.norm(action[:3]) <= longest_m:
                        before, after = track.latents[k], track.goals[k + 1]
                        found.append(ObservedMove(before, after, action[:3]))
    if not found:
        raise MoveError(
            f'in no step of {bag} the flange moved {1000 * least_m:g} to {1000 * longest_m:g} mm'
        )
    return found


def infer(
    model: WorldModel,
    moves: Iterable[ObservedMove],
    seed: int = 0,
    tell: Callable[[int], None] = lambda _: None,
) -> MovePairs:
    """Ask the model what it would have done between the pictures of each move.

    Args:
        model: The world model.
        moves: What was done.
        seed: Of the search.
        tell: Is told how many are done.
    """
    planner = InversePlanner(model, seed)
    planned, executed, unseen = [], [], 0
    for number, move in enumerate(moves, start=1):
        inverse = planner.between(move.before, move.after)
        tell(number)
        if inverse.explained < LEAST_EXPLAINED:
            unseen += 1
            continue
        planned.append(inverse.action[:3])
        executed.append(move.executed)
    return MovePairs(np.reshape(planned, (-1, 3)), np.reshape(executed, (-1, 3)), unseen)


def _observed(model: WorldModel, observation: Observation) -> Latent:
    from jepa_wm_ros.robot.state import RobotSample

    robot = RobotSample(observation.pose, observation.gripper)
    return encode_picture(model, observation.image, robot.proprio(model.contract.proprio.fields))
