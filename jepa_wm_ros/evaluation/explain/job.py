"""Looks at a model from four sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.explain.latents import embed
from jepa_wm_ros.evaluation.explain.maps import LatentMap, latent_map, patch_colours
from jepa_wm_ros.evaluation.explain.reading import Reading, read_positions
from jepa_wm_ros.evaluation.explain.response import Response, central_frames, responses
from jepa_wm_ros.evaluation.explain.surprises import Watched, surprise_figures, watch
from jepa_wm_ros.planning.difference_map import patch_grid
from jepa_wm_ros.training.trainer import check_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.evaluation.explain.jump import Jump
    from jepa_wm_ros.evaluation.explain.settings import ExplainSettings
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

PICTURES = 6
"""Pictures whose patches are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """What the patches of some pictures are to the model.

    Attributes:
        pictures: `(n, h, w, 3)` uint8 RGB.
        colours: `(n, rows, columns, 3)` within 0..1; the same colour means the same.
    """

    pictures: NDArray[np.uint8]
    colours: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """All that was found.

    Attributes:
        contract: Of the model.
        source: Where the episodes are from.
        map: Where frames lie in the latent space.
        patches: Of a model with a token for each patch; None for others.
        reading: What a linear probe reads of the position.
        responses: What actions are thought to do, an axis each.
        watched: Episodes with a jump.
    """

    contract: Contract
    source: str
    map: LatentMap
    patches: Patches | None
    reading: Reading
    responses: tuple[Response, ...]
    watched: tuple[Watched, ...]

    def figures(self) -> dict[str, Any]:
        """Return what is written into explain.json."""
        return {
            'model': f'{self.contract.name}@{self.contract.fingerprint}',
            'family': self.contract.family,
            'episodes_from': self.source,
            'map': {'variance_shares': list(self.map.shares)},
            'position': self.reading.figures(),
            'actions': {response.axis: response.figures() for response in self.responses},
            'surprise': surprise_figures(self.watched),
        }


def explain(
    model: WorldModel,
    table: EpisodeTable,
    jumps: Sequence[Jump],
    settings: ExplainSettings,
    source: str,
    report: Callable[[int, int], None],
) -> Explanation:
    """Look at a model.

    Args:
        model: In eval mode; its actions are cartesian.
        table: Episodes without a jump; proprio begins with the flange position [m].
        jumps: Episodes with one.
        settings: How much is looked at.
        source: Where the episodes are from, in words.
        report: Called with (parts done, parts in all).

    Raises:
        TrainingError: The data are not what the model takes.
    """
    check_data(model.contract, table)
    total = 3 + len(jumps)
    report(0, total)
    latent = embed(model, table.pixels, table.proprio)
    position, episode = table.proprio[:, :3], np.repeat(np.arange(table.episodes), table.length)
    report(1, total)
    probe, reading = read_positions(model, table, latent)
    report(2, total)
    rows = central_frames(position, settings.starts)
    answers = responses(model, probe, latent.map(lambda part: part[rows]), settings.grid)
    report(3, total)
    watched = []
    for number, jump in enumerate(jumps, start=4):
        watched.append(watch(model, jump))
        report(number, total)
    return Explanation(
        contract=model.contract,
        source=source,
        map=latent_map(latent.tokens.float().cpu().numpy(), position, episode),
        patches=_patches(model, table, latent),
        reading=reading,
        responses=answers,
        watched=tuple(watched),
    )


def _patches(model: WorldModel, table: EpisodeTable, latent: Latent) -> Patches | None:
    grid = patch_grid(model, latent)
    if grid is None:
        return None
    rows = np.linspace(0, len(table.pixels) - 1, PICTURES).astype(int)
    tokens = latent.tokens[rows].float().cpu().numpy()
    return Patches(pictures=table.pixels[rows], colours=patch_colours(tokens, grid))
