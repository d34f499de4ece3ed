"""One picture of what a head makes of held-out episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.evaluation.canvas import draw_text, paste
from jepa_wm_ros.evaluation.palette import GOAL, INK, MISS, MUTED, PLANNER
from jepa_wm_ros.evaluation.plots import new_figure, save_figure
from jepa_wm_ros.evaluation.records import ResultsError
from jepa_wm_ros.training.heads.judging import RewardTask
from jepa_wm_ros.training.heads.material import predicted
from jepa_wm_ros.training.heads.painting import DecoderTask
from jepa_wm_ros.training.heads.reading import ProbeTask
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.training.heads.material import Material
    from jepa_wm_ros.training.heads.task import HeadTask
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.heads.reward import RewardHead

    Picture = NDArray[np.uint8]

TILE = 128
GAP = 4
LEFT = 150
TOP = 30
STEPS = 7
EPISODES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a sheet.

    Attributes:
        title: What stands at its left.
        pictures: `(h, w, 3)` uint8 RGB each; None leaves a gap.
        captions: What stands below each picture, if anything does.
    """

    title: str
    pictures: Sequence[Picture | None]
    captions: Sequence[str] = ()


def write_head_picture(task: HeadTask, material: Material, path: Path) -> Path:
    """Draw what a head makes of held-out episodes into a PNG.

    Args:
        task: The trained head.
        material: What it learned from.
        path: The PNG.

    Raises:
        ResultsError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(task, ProbeTask):
        _scatter(task, material, path)
        return path
    episodes = [int(number) for number in material.held_out[:EPISODES]]
    if isinstance(task, DecoderTask):
        return write_decoded(task.head, material, path)
    assert isinstance(task, RewardTask)
    return _write([_judged(task.head, material, episode) for episode in episodes], path)


def write_decoded(decoder: Decoder, material: Material, path: Path) -> Path:
    """Draw what a decoder makes of held-out episodes, and of what the model predicts of them.

    Of a decoder of slots, what each of them paints is drawn, too.

    Args:
        decoder: The decoder.
        material: Model and episodes.
        path: The PNG.

    Raises:
        ResultsError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    episodes = [int(number) for number in material.held_out[:EPISODES]]
    return _write([row for e in episodes for row in _decoded(decoder, material, e)], path)


def _write(rows: list[Row], path: Path) -> Path:
    import cv2

    if not cv2.imwrite(str(path), sheet(rows)[..., ::-1]):
        raise ResultsError(f'cannot write {path}: does it end in .png?')
    return path


def sheet(rows: Sequence[Row]) -> Picture:
    """Return rows of pictures below each other, `(H, W, 3)` uint8, titles at the left."""
    columns = max(len(row.pictures) for row in rows)
    foot = [TOP if row.captions else 0 for row in rows]
    height = TOP + sum(TILE + GAP + below for below in foot)
    canvas = np.full((height, LEFT + columns * (TILE + GAP), 3), 255, np.uint8)
    for column in range(columns):
        centre = LEFT + column * (TILE + GAP) + TILE // 2
        draw_text(canvas, f'step {column}', (centre, TOP - 10), size=15, colour=MUTED, anchor='ms')
    top = TOP
    for row, below in zip(rows, foot, strict=True):
        draw_text(canvas, row.title, (10, top + TILE // 2), size=17, colour=INK, anchor='lm')
        for column, picture in enumerate(row.pictures):
            place = (LEFT + column * (TILE + GAP), top)
            if picture is not None:
                paste(canvas, picture, place, (TILE, TILE))
            if column < len(row.captions):
                at = (place[0] + TILE // 2, top + TILE + 20)
                draw_text(canvas, row.captions[column], at, size=15, anchor='ms')
        top += TILE + GAP + below
    return canvas


def to_bytes(pictures: Tensor) -> list[Picture]:
    """Return `(h, w, 3)` uint8 of pictures `(B, 3, h, w)` in [0, 1]."""
    levels = (255 * pictures.detach().cpu()).round().clamp(0, 255).byte().movedim(1, -1)
    return list(levels.numpy())


@torch.inference_mode()
def _decoded(decoder: Decoder, material: Material, episode: int) -> list[Row]:
    rows = _first_rows(material, episode)
    tokens = material.latents(rows)
    ahead = decoder.decode(Latent(predicted(material, episode, len(rows) - 1)))
    drawn = [
        Row(title=f'episode {episode}', pictures=list(material.table.pixels[rows])),
        Row(title='decoded', pictures=to_bytes(decoder.decode(Latent(tokens)))),
        Row(title='predicted', pictures=[None, *to_bytes(ahead)]),
    ]
    if decoder.settings.layout == 'slots':
        colours, shares = decoder.layers(tokens)
        parts = (colours * shares + 1 - shares).unbind(1)
        drawn += [Row(title=f'slot {n}', pictures=to_bytes(part)) for n, part in enumerate(parts)]
    return drawn


@torch.inference_mode()
def _judged(head: RewardHead, material: Material, episode: int) -> Row:
    """Return the last frames of an episode with their values; the goal is the last of them."""
    first, length = int(material.table.offset[episode]), int(material.table.length[episode])
    rows = np.arange(first + max(0, length - STEPS - 1), first + length)
    latent = Latent(material.latents(rows))
    chances = head.value(latent, latent.map(lambda part: part[-1:])).sigmoid().tolist()
    return Row(
        title=f'episode {episode}',
        pictures=list(material.table.pixels[rows]),
        captions=[f'{100 * chance:.0f} %' for chance in chances],
    )


def _scatter(task: ProbeTask, material: Material, path: Path) -> None:
    """Draw estimates over truths, an axis each."""
    rows = material.testing
    with torch.inference_mode():
        estimate = task.head.read(Latent(material.latents(rows))).cpu().numpy()
    figure = new_figure(12.0, 4.2)
    for number, axes in enumerate(figure.subplots(1, 3)):
        truth, found = 100 * task.position[rows, number], 100 * estimate[:, number]
        span = [truth.min(), truth.max()]
        axes.plot(span, span, color=GOAL, linewidth=1)
        axes.plot(truth, found, '.', color=PLANNER, markersize=3)
        error = float(np.sqrt(((truth - found) ** 2).mean()))
        axes.set_title(f'{"xyz"[number]}: {error:.2f} cm', color=MISS if error > 2 else INK)
        axes.set_xlabel('flange [cm]')
        axes.set_ylabel('read from the latent [cm]' if number == 0 else '')
    save_figure(figure, path)


def _first_rows(material: Material, episode: int) -> NDArray[np.int64]:
    first = int(material.table.offset[episode])
    return first + np.arange(min(STEPS + 1, int(material.table.length[episode])))
