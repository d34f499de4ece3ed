"""Pictures of an explanation (matplotlib, without a display)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.explain.response import AXES
from jepa_wm_ros.evaluation.explain.surprises import usual_error
from jepa_wm_ros.evaluation.palette import GOAL, GRID, INK, LEVEL, MISS, MUTED, PLANNER
from jepa_wm_ros.evaluation.plots import new_figure, save_figure, style_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jepa_wm_ros.evaluation.explain.job import Explanation, Patches
    from jepa_wm_ros.evaluation.explain.maps import LatentMap
    from jepa_wm_ros.evaluation.explain.reading import Reading
    from jepa_wm_ros.evaluation.explain.response import Response
    from jepa_wm_ros.evaluation.explain.surprises import Watched

ROW = 3.7
WIDTH = 12.0
ZOOM = 9
"""Steps that are drawn on either side of a jump."""
TRAJECTORIES = 3


def write_figures(folder: Path, found: Explanation) -> list[Path]:
    """Draw each side by itself, and all of them into `explain.png`.

    Returns:
        The PNG files.

    Raises:
        ResultsError: One cannot be written.
    """
    parts: dict[str, Any] = {
        'map': lambda figure: _map(figure, found.map),
        'position': lambda figure: _reading(figure, found.reading),
        'actions': lambda figure: _responses(figure, found.responses),
        'surprise': lambda figure: _surprise(figure, found.watched),
    }
    patches = found.patches
    if patches is not None:
        parts['patches'] = lambda figure: _patches(figure, patches)
    paths = []
    for name, draw in parts.items():
        figure = new_figure(WIDTH, ROW)
        draw(figure)
        paths.append(folder / f'{name}.png')
        save_figure(figure, paths[-1])
    whole = new_figure(WIDTH, ROW * len(parts) + 0.4)
    title = f'What {found.contract.name} has understood'
    whole.suptitle(title, fontsize=14, color=INK, x=0.01, ha='left', weight='bold')
    for row, draw in zip(
        whole.subfigures(len(parts), 1, squeeze=False)[:, 0], parts.values(), strict=True
    ):
        draw(row)
    paths.insert(0, folder / 'explain.png')
    save_figure(whole, paths[0])
    return paths


def _map(figure: Any, found: LatentMap) -> None:
    shares = [f'{100 * share:.0f} %' for share in found.shares[:2]]
    for number, axes in enumerate(figure.subplots(1, 3)):
        dots = axes.scatter(
            *found.points[:, :2].T, c=100 * found.position[:, number], s=7, cmap='viridis'
        )
        for episode in np.unique(found.episode)[:TRAJECTORIES]:
            way = found.points[found.episode == episode]
            axes.plot(*way[:, :2].T, color=MISS, linewidth=0.9, alpha=0.8)
        first, second = (f'component {i + 1} ({share})' for i, share in enumerate(shares))
        style_axes(axes, f'Latents, coloured by true {AXES[number]}', first, second)
        bar = figure.colorbar(dots, ax=axes, pad=0.02)
        bar.set_label(f'{AXES[number]} [cm]', fontsize=9, color=INK)
        bar.ax.tick_params(labelsize=8, colors=MUTED, length=0)
        bar.outline.set_edgecolor(GRID)


def _patches(figure: Any, found: Patches) -> None:
    pairs = figure.subplots(2, len(found.pictures))
    for column, (picture, colours) in enumerate(zip(found.pictures, found.colours, strict=True)):
        for axes, image in zip(pairs[:, column], (picture, colours), strict=True):
            axes.imshow(image, interpolation='nearest')
            axes.set_axis_off()
    pairs[0, 0].set_title('Patches: the same colour means the same', fontsize=11, loc='left')


def _reading(figure: Any, found: Reading) -> None:
    for number, axes in enumerate(figure.subplots(1, 3)):
        truth, read = 100 * found.truth[:, number], 100 * found.found[:, number]
        axes.plot([truth.min(), truth.max()], [truth.min(), truth.max()], color=GOAL, linewidth=1)
        axes.plot(truth, read, '.', color=PLANNER, markersize=3.5, alpha=0.6)
        error = 100 * found.axis_rmse_m[number]
        style_axes(
            axes,
            f'Linear probe of {AXES[number]}: {error:.2f} cm',
            'true position [cm]',
            'read from the latent [cm]',
        )


def _responses(figure: Any, found: Sequence[Response]) -> None:
    for axes, response in zip(
        np.atleast_1d(figure.subplots(1, max(1, len(found)))), found, strict=False
    ):
        commanded, predicted = 100 * response.commanded, 100 * response.predicted
        own = predicted[..., response.number]
        axes.plot(commanded, commanded, color=GOAL, linewidth=1, label='as commanded')
        axes.plot(commanded, own.T, color=PLANNER, linewidth=0.6, alpha=0.25)
        axes.plot(commanded, own.mean(0), 'o-', color=PLANNER, markersize=4, label='predicted')
        for axis in set(range(3)) - {response.number}:
            axes.plot(commanded, predicted[..., axis].mean(0), color=LEVEL, linestyle='--')
        axes.plot([], [], color=LEVEL, linestyle='--', label='other axes')
        words = f'slope {response.slope(response.number):.2f}, R² {response.r2:.3f}'
        name = f'd{response.axis}'
        style_axes(axes, f'{name}: {words}', f'commanded {name} [cm]', 'predicted [cm]')
        axes.legend(fontsize=8, frameon=False, loc='upper left')


def _surprise(figure: Any, watched: Sequence[Watched]) -> None:
    time, size = figure.subplots(1, 2, width_ratios=(1.4, 1.0), sharey=True)
    usual = usual_error(watched)
    for one in watched:
        steps = np.arange(len(one.errors)) - one.step
        shown = np.abs(steps) <= ZOOM
        time.plot(steps[shown], one.errors[shown], color=PLANNER, linewidth=0.8, alpha=0.5)
    jumps = [one.errors[one.step] for one in watched]
    time.plot(np.zeros(len(jumps)), jumps, 'o', color=MISS, markersize=4, label='teleported')
    size.plot([100 * one.size_m for one in watched], jumps, 'o', color=MISS, markersize=4)
    for axes in (time, size):
        axes.axhline(usual, color=LEVEL, linestyle='--', linewidth=1.2, label='95 % of others')
        axes.set_yscale('log')
    time.xaxis.get_major_locator().set_params(integer=True)
    style_axes(time, 'Prediction error around a teleport', 'step', 'error of the latent')
    style_axes(size, 'The same over the size of the teleport', 'teleported by [cm]', '')
    time.legend(fontsize=9, frameon=False, loc='upper right')
