"""Collecting episodes in the simulated cell: several processes, resumable, the same every time."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.episodes import DatasetError, Episode, join_parts, write_part
from jepa_wm_ros.sim.exploration import Traveller, Wanderer
from jepa_wm_ros.sim.view import OBJECTS
from jepa_wm_ros.worldmodel.camera import fit_mask, fit_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from jepa_wm_ros.sim.appearance import Appearance
    from jepa_wm_ros.sim.environment import CellEnvironment
    from jepa_wm_ros.training.recipe import Recipe

PART_EPISODES = 10


@dataclass(frozen=True, slots=True)
class _Part:
    """Episodes `first` to `last` (exclusive), and the file for them."""

    first: int
    last: int
    path: Path


def collect(recipe: Recipe, out: Path, workers: int, report: Callable[[int, int], None]) -> Path:
    """Collect the episodes of a recipe into one file.

    What is done is kept in `<out>.parts/` until the end: an interrupted collection goes on where
    it was when it is started again with the same recipe.

    Args:
        recipe: What to collect.
        out: The dataset (HDF5).
        workers: Processes; the result does not depend on their number.
        report: Called with (episodes done, episodes in all).

    Raises:
        DatasetError: Parts of a different recipe are in the way, or a worker process died.
        RendererError: Pictures cannot be rendered on this machine.
    """
    settings = recipe.collection
    folder = out.with_name(out.name + '.parts')
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe)
    bounds = range(0, settings.episodes, PART_EPISODES)
    parts = [
        _Part(first, min(first + PART_EPISODES, settings.episodes), folder / f'{first:06d}.npz')
        for first in bounds
    ]
    missing = [part for part in parts if not part.path.exists()]
    done = settings.episodes - sum(part.last - part.first for part in missing)
    report(done, settings.episodes)
    with closing(_collect_parts(recipe, missing, workers)) as counts:
        for count in counts:
            done += count
            report(done, settings.episodes)
    provenance = {
        'source': 'simulated cell',
        'collection': dataclasses.asdict(settings),
        'step_duration_s': recipe.model.step_duration_s,
        'proprio': ['x', 'y', 'z'],
        **({'masks': list(OBJECTS)} if settings.masks else {}),
    }
    join_parts((part.path for part in parts), out, provenance)
    for part in parts:
        part.path.unlink()
    (folder / 'recipe.txt').unlink()
    folder.rmdir()
    return out


def collect_episode(env: CellEnvironment, recipe: Recipe, number: int) -> Episode:
    """Collect episode `number`, which depends on the recipe and the number alone.

    Half of the episodes wander and half travel. Proprioception is the flange position [m].
    """
    settings, contract = recipe.collection, recipe.model
    rng = np.random.default_rng([settings.seed, number])
    bound = np.array(contract.action.upper)
    appearance = _draw(settings.appearance, rng)
    observation = env.reset(rng=rng, appearance=appearance)
    explorer = Wanderer(rng, bound) if number % 2 else Traveller(rng, bound, env.workspace)
    pixels, actions, positions, masks = [], [], [], []
    for step in range(settings.steps + 1):
        pixels.append(fit_picture(observation.image, contract.camera))
        positions.append(observation.pose.position)
        if settings.masks:
            masks.append(fit_mask(env.simulation.objects(), contract.camera))
        if step == settings.steps:
            break
        actions.append(explorer.action(observation.pose.position))
        if appearance is not None and rng.random() < settings.redraw_appearance:
            env.simulation.set_appearance(_redraw(appearance, rng))
        observation = env.step(actions[-1])
    actions.append(np.full(len(bound), np.nan))
    return Episode(
        pixels=np.stack(pixels),
        action=np.array(actions, np.float32),
        proprio=np.array(positions, np.float32),
        masks=np.stack(masks) if masks else None,
    )


def _draw(kind: str, rng: np.random.Generator) -> Appearance | None:
    from jepa_wm_ros.sim.appearance import sample_appearance

    return None if kind == 'nominal' else sample_appearance(rng, 'seen')


def _redraw(present: Appearance, rng: np.random.Generator) -> Appearance:
    """Draw light, textures and exposure anew; the camera stays where the episode has it."""
    from jepa_wm_ros.sim.appearance import sample_appearance

    fresh = sample_appearance(rng, 'seen')
    return dataclasses.replace(
        fresh,
        camera_offset_m=present.camera_offset_m,
        camera_rotation_rad=present.camera_rotation_rad,
    )


def _claim(folder: Path, recipe: Recipe) -> None:
    """Mark the folder as this recipe's, or refuse one that is another's."""
    mark = folder / 'recipe.txt'
    text = repr((recipe.collection, recipe.model.camera, recipe.model.action))
    if mark.exists() and mark.read_text() != text:
        raise DatasetError(
            f'{folder} holds parts of another recipe; delete it to start afresh, or use --out'
        )
    mark.write_text(text)


def _collect_parts(recipe: Recipe, parts: list[_Part], workers: int) -> Generator[int, None, None]:
    """Collect parts in processes; yields the number of episodes of each one that is done.

    When the caller stops early, parts under way are finished, which takes some seconds.
    """
    if not parts:
        return
    executor = ProcessPoolExecutor(
        min(workers, len(parts)),
        # Renderers do not survive a fork.
        mp_context=multiprocessing.get_context('spawn'),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        for future in as_completed([executor.submit(_collect_part, recipe, p) for p in parts]):
            yield future.result()
    except BrokenProcessPool as error:
        raise DatasetError(
            'a worker process died (was it killed, or is memory short?); what is done is kept: '
            'start again to go on, with fewer --workers if memory is short'
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _collect_part(recipe: Recipe, part: _Part) -> int:
    env = _environment(recipe.model.step_duration_s)
    write_part(part.path, [collect_episode(env, recipe, k) for k in range(part.first, part.last)])
    return part.last - part.first


@functools.cache
def _environment(step_duration_s: float) -> CellEnvironment:
    """The environment of a worker process: made once, because making it takes a second."""
    from jepa_wm_ros.sim.environment import CellEnvironment

    return CellEnvironment(step_duration_s=step_duration_s)
