"""Episodes of the simulated cell, moved and recorded through the whole ROS graph."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from jepa_wm_ros.ros.explorer import ExplorerClient
    from jepa_wm_ros.training.recipe import CollectionSettings, Recipe

TOPICS = ('/image', '/joint_states', '/ground_truth', '/executed_action', '/safety_status')
NEEDED = ('/image', '/joint_states', '/ground_truth')
HEAR_S = 15.0
REST_S = 0.3
"""How long the arm is recorded at rest after a motion [s], on the clock of the machine."""
TRIES = 3
LONGEST_GAP_S = 0.25
"""Longest time between two pictures of a sound episode [s]: what `dataset build` bridges."""


class ThroughRosError(JepaWmError):
    """Episodes cannot be collected through the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BagCollection:
    """What is collected.

    Attributes:
        settings: Episodes, steps, seed and looks; `redraw_appearance` cannot be kept here.
        step_duration_s: How long an action takes [s].
        bound: `(7,)` greatest action.
        rate: Simulated seconds in a second; other than 1 on a clock of its own.
    """

    settings: CollectionSettings
    step_duration_s: float
    bound: tuple[float, ...]
    rate: float

    @classmethod
    def of(cls, recipe: Recipe, *, rate: float) -> BagCollection:
        """Return what a recipe asks for."""
        action = recipe.model.action
        return cls(
            settings=recipe.collection,
            step_duration_s=action.step_duration_s,
            bound=tuple(action.upper),
            rate=rate,
        )

    @property
    def graph(self) -> dict[str, dict[str, bool | int | float | str]]:
        """Parameters of the nodes."""
        if self.rate == 1.0:
            return {}
        ours: dict[str, bool | int | float | str] = {'use_sim_time': True}
        sim: dict[str, bool | int | float | str] = {
            'time_source': 'simulation',
            'rate_factor': self.rate,
        }
        return {'sim': sim, 'action_publisher': ours, 'encoder': ours, 'planner': ours}

    def facts(self) -> dict[str, Any]:
        """Return what two runs must have in common to go on with each other's episodes."""
        found = asdict(self)
        del found['settings']['episodes']
        return json.loads(json.dumps(found))


def collect_through_ros(wanted: BagCollection, out: Path, model: Path, console: Console) -> int:
    """Record what is not there yet, a bag for each episode.

    Args:
        wanted: What to collect.
        out: Folder of the bags `episode_0000`, …; each appears when it is complete.
        model: Bundle of the encoder, without which the action publisher has no pictures.
        console: Where to show progress.

    Returns:
        How many episodes were recorded now.

    Raises:
        ThroughRosError: The folder holds episodes of other settings, or an episode failed again
            and again.
        GraphError: The graph does not answer.
    """
    from jepa_wm_ros.cli.cell import Steps, running_cell
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.ros.explorer import ExplorerClient

    _claim(out, wanted)
    count = wanted.settings.episodes
    missing = [number for number in range(count) if not _bag(out, number).exists()]
    if not missing:
        return 0
    steps = Steps(console)
    with (
        running_cell(model, out / 'logs', steps, ExplorerClient, extra=wanted.graph) as client,
        progress_bar('recording', 'episodes', console) as bar,
    ):
        bar(count - len(missing), count)
        for done, number in enumerate(missing, start=count - len(missing) + 1):
            note = _insist(client, wanted, out, number)
            bar(done, count, note)
    return len(missing)


def _claim(out: Path, wanted: BagCollection) -> None:
    """Mark the folder as of these settings, or refuse one that is of others."""
    from jepa_wm_ros.evaluation.records import write_json

    mark = out / 'collection.json'
    if mark.exists() and json.loads(mark.read_text()) != wanted.facts():
        raise ThroughRosError(
            f'{out} holds episodes of other settings (see {mark}); choose another --out'
        )
    write_json(mark, wanted.facts())


def _bag(out: Path, number: int) -> Path:
    return out / f'episode_{number:04d}'


def _insist(client: ExplorerClient, wanted: BagCollection, out: Path, number: int) -> str:
    """Record an episode, again when the arm was held or pictures were lost."""
    trouble = ''
    for _ in range(TRIES):
        trouble = _record(client, wanted, out, number)
        if not trouble:
            return f'episode {number}'
    raise ThroughRosError(
        f'episode {number} failed {TRIES} times: {trouble}; what is recorded is kept, and the '
        f'same command goes on. Is the machine too busy, or --rate too high? Logs: {out / "logs"}'
    )


def _record(client: ExplorerClient, wanted: BagCollection, out: Path, number: int) -> str:
    """Record an episode; returns what was wrong with it."""
    import numpy as np

    from jepa_wm_ros.cli.cell import rearm
    from jepa_wm_ros.nodes.episode_recorder import EpisodeRecorder
    from jepa_wm_ros.robot.limits import WORKSPACE_CELL
    from jepa_wm_ros.sim.exploration import journey

    settings = wanted.settings
    rng = np.random.default_rng([settings.seed, number])
    start = rng.uniform(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper)
    look = 'seen' if settings.appearance == 'seen' else 'none'
    client.look(look, int(rng.integers(2**31)))
    rearm(client, lambda: client.reset(start))
    actions = journey(number, rng, start, settings.steps, np.array(wanted.bound), WORKSPACE_CELL)
    under_way = out / 'under_way' / _bag(out, number).name
    shutil.rmtree(under_way, ignore_errors=True)
    recorder = EpisodeRecorder(
        under_way,
        TOPICS,
        domain_id=client.domain_id,
        use_sim_time=wanted.rate != 1.0,
        custom={'source': 'simulated cell, through ROS', 'episode': str(number)},
    )
    with recorder:
        recorder.attach('episode.json', _told(wanted, number, start, actions))
        recorder.wait_until_heard(NEEDED, HEAR_S)
        result = client.execute(actions, wanted.step_duration_s, 1.0 / wanted.rate)
        time.sleep(REST_S)
    trouble = trouble_with(result, recorder.audit, settings.steps)
    if not trouble:
        under_way.rename(_bag(out, number))
    return trouble


def _told(
    wanted: BagCollection, number: int, start: NDArray[np.float64], actions: NDArray[np.float64]
) -> str:
    content = {**wanted.facts(), 'episode': number, 'start': start.tolist()}
    return json.dumps({**content, 'actions': actions.tolist()})


def trouble_with(result: Any, audit: list[dict[str, Any]], steps: int) -> str:
    """Return what is wrong with an episode; nothing when it is sound.

    Args:
        result: What the action publisher said.
        audit: Of the recording.
        steps: Actions that were wanted.
    """
    from jepa_wm_ros.robot.faults import ResultCode

    if result.code not in (ResultCode.SUCCEEDED, ResultCode.NOT_SETTLED):
        return f'{ResultCode(result.code).name}: {result.message}'
    if result.executed_steps != steps:
        return f'{result.executed_steps} of {steps} actions were executed'
    (pictures,) = (row for row in audit if row['topic'] == '/image')
    if pictures['longest_gap_s'] > LONGEST_GAP_S:
        return f'no picture for {pictures["longest_gap_s"]:.2f} s'
    return ''
