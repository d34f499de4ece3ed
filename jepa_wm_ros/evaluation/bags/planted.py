"""A planted truth: bags of the simulated cell whose actions are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros import __version__
from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.data.writing.encoding import IMAGE, JOINTS, MessageEncoder, nanoseconds_of
from jepa_wm_ros.evaluation.bags.settings import BagEvalError
from jepa_wm_ros.robot.description import ARM_JOINTS, GRIPPER_JOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.sim.environment import CellEnvironment

STATE_HZ = 50.0
START_S = 1000.0
LOWER, UPPER = (0.38, -0.18, 0.31), (0.53, 0.18, 0.48)
"""Well inside of the workspace [m]: at its walls targets are clipped, and actions say nothing."""
_SMOOTHNESS = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSettings:
    """What is played.

    Attributes:
        steps: How many actions.
        step_m: Length of each [m].
        seed: Of their directions.
        shuffled: Whether the pictures come in another order than the motion.
    """

    steps: int = 90
    step_m: float = 0.05
    seed: int = 0
    shuffled: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            BagEvalError: One is too small.
        """
        if self.steps < 1:
            raise BagEvalError(f'steps must be at least 1, got {self.steps}')
        if not self.step_m > 0:
            raise BagEvalError(f'step_m must be above 0, got {self.step_m}')


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """The arm at rest: picture `(H, W, 3)`, joints `(7,)` [rad], flange `(3,)` [m]."""

    picture: NDArray[np.uint8]
    joints: NDArray[np.float64]
    position: NDArray[np.float64]


def plant(
    folder: Path,
    cell: CellEnvironment,
    settings: PlantSettings,
    step_s: float,
    report: Callable[[int, int], None],
) -> NDArray[np.float64]:
    """Play random actions in the cell, and write them as a bag.

    Args:
        folder: Of the new bag.
        cell: With steps of `step_s`.
        settings: What to play.
        step_s: Time between two pictures [s].
        report: Called with (pictures written, pictures in all).

    Returns:
        The motion of each step `(T-1, 3)` [m], which is in the metadata, too.

    Raises:
        BagWriteError: The folder exists.
    """
    encoder, total = MessageEncoder(), settings.steps + 1
    custom = {'jepa_wm_ros': __version__, 'planted': f'{settings}'}
    positions, before = [], None
    with BagWriter(folder, custom, compression='none') as writer:
        encoder.announce(writer, '/image', IMAGE)
        encoder.announce(writer, '/joint_states', JOINTS)
        for number, rest in enumerate(_rests(cell, settings)):
            at_s = START_S + step_s * number
            for stamp_s, joints in _on_the_way(before, rest, at_s, step_s):
                ns = nanoseconds_of(stamp_s)
                names = [*ARM_JOINTS, GRIPPER_JOINT]
                writer.write('/joint_states', ns, encoder.joints(ns, names, [*joints, 0.0]))
            ns = nanoseconds_of(at_s)
            writer.write('/image', ns, encoder.picture(ns, rest.picture))
            positions.append(rest.position)
            before = rest
            report(number + 1, total)
        moves = np.diff(np.array(positions), axis=0)
        writer.close({'planted_moves_m': moves.tolist()})
    return moves


def _rests(cell: CellEnvironment, settings: PlantSettings) -> Iterator[_Rest]:
    """Where the arm rests, in the order of the motion; pictures in another one if shuffled."""
    if not settings.shuffled:
        yield from _played(cell, settings)
        return
    rests = list(_played(cell, settings))
    order = np.random.default_rng(settings.seed + 1).permutation(len(rests))
    for rest, other in zip(rests, order, strict=True):
        yield _Rest(rests[other].picture, rest.joints, rest.position)


def _played(cell: CellEnvironment, settings: PlantSettings) -> Iterator[_Rest]:
    rng = np.random.default_rng(settings.seed)
    seen = cell.reset([0.45, 0.0, 0.4], rng=rng)
    heading = rng.normal(size=3)
    for _ in range(settings.steps + 1):
        here = seen.pose.position
        yield _Rest(seen.image, np.asarray(seen.joint_positions), here)
        heading = _SMOOTHNESS * heading + rng.normal(size=3)
        step = settings.step_m * heading / np.linalg.norm(heading)
        target = np.clip(here + step, LOWER, UPPER)
        seen = cell.step([*(target - here), 0, 0, 0, 0])


def _on_the_way(
    before: _Rest | None, rest: _Rest, at_s: float, step_s: float
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Joint states up to a rest: stamps [s] and positions [rad]."""
    count = max(1, round(step_s * STATE_HZ)) if before is not None else 1
    for number in range(1, count + 1):
        part = number / count
        first = rest.joints if before is None else before.joints
        yield at_s - (1 - part) * step_s, first + part * (rest.joints - first)
