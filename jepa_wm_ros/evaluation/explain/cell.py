"""Fresh episodes of the simulated cell, some with a teleport in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.episodes import Episode, EpisodeTable
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.explain.jump import LARGEST_M, SMALLEST_M, Jump, draw_moment
from jepa_wm_ros.sim.appearance import NOMINAL, sample_appearance
from jepa_wm_ros.sim.exploration import Traveller, Wanderer
from jepa_wm_ros.worldmodel.camera import fit_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.explain.settings import ExplainSettings
    from jepa_wm_ros.robot.limits import Workspace
    from jepa_wm_ros.sim.environment import CellEnvironment
    from jepa_wm_ros.worldmodel.contract import Contract

FIELDS = ('x', 'y', 'z')


class FreshEpisodeError(JepaWmError):
    """The cell cannot show a model what it wants to see."""


def cell_material(
    cell: CellEnvironment,
    contract: Contract,
    settings: ExplainSettings,
    report: Callable[[int, int], None],
) -> tuple[EpisodeTable, list[Jump]]:
    """Collect episodes without and with a jump.

    Args:
        cell: The cell in lockstep.
        contract: Of the model that will look at them.
        settings: How many, how long.
        report: Called with (episodes done, episodes in all).

    Raises:
        FreshEpisodeError: The model wants to be told more of the robot than its position.
    """
    if contract.proprio.fields not in ((), FIELDS):
        raise FreshEpisodeError(
            f'{contract.name} sees {", ".join(contract.proprio.fields)} of the robot; fresh '
            f'episodes of the cell have {", ".join(FIELDS)} only: give a dataset with --data'
        )
    total = settings.episodes + settings.jumps
    plain, jumps = [], []
    for number in range(total):
        rng = np.random.default_rng([settings.seed, number])
        jumping = number >= settings.episodes
        at = draw_moment(rng, settings.steps + 1) if jumping else None
        episode, size_m = _episode(cell, contract, settings, rng, number, at)
        if at is None:
            plain.append(episode)
        else:
            jumps.append(Jump(episode=episode, at=at, size_m=size_m))
        report(number + 1, total)
    return _table(plain), jumps


def _episode(
    cell: CellEnvironment,
    contract: Contract,
    settings: ExplainSettings,
    rng: np.random.Generator,
    number: int,
    jump_at: int | None,
) -> tuple[Episode, float]:
    """Let the arm wander or travel; with a jump, also return how far it was teleported [m]."""
    look = sample_appearance(rng, 'seen') if settings.varied else NOMINAL
    bound = np.array(contract.action.upper)
    observation = cell.reset(rng=rng, appearance=look)
    explorer = Wanderer(rng, bound) if number % 2 else Traveller(rng, bound, cell.workspace)
    pixels = [fit_picture(observation.image, contract.camera)]
    positions, actions, size_m = [observation.pose.position], [], 0.0
    for step in range(1, settings.steps + 1):
        actions.append(explorer.action(observation.pose.position))
        observation = cell.step(actions[-1])
        if step == jump_at:
            there = observation.pose.position
            observation = cell.reset(elsewhere(there, cell.workspace, rng), rng=rng)
            size_m = float(np.linalg.norm(observation.pose.position - there))
        pixels.append(fit_picture(observation.image, contract.camera))
        positions.append(observation.pose.position)
    actions.append(np.full(len(bound), np.nan))
    episode = Episode(
        pixels=np.stack(pixels),
        action=np.array(actions, np.float32),
        proprio=np.array(positions, np.float32),
    )
    return episode, size_m


def elsewhere(
    position: NDArray[np.float64], workspace: Workspace, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a place `(3,)` of the workspace: any direction, and sizes all alike [m]."""
    while True:
        direction = rng.standard_normal(3)
        size = rng.uniform(SMALLEST_M, LARGEST_M)
        place = position + size * direction / np.linalg.norm(direction)
        if workspace.contains(place):
            return np.asarray(place, np.float64)


def _table(episodes: list[Episode]) -> EpisodeTable:
    length = np.array([len(episode) for episode in episodes])
    return EpisodeTable(
        pixels=np.concatenate([episode.pixels for episode in episodes]),
        action=np.concatenate([episode.action for episode in episodes]),
        proprio=np.concatenate([episode.proprio for episode in episodes]),
        offset=np.cumsum(length) - length,
        length=length,
        provenance={'source': 'simulated cell', 'proprio': list(FIELDS)},
    )
