"""The demo's video: camera, goal and what is expected, with curves below, in real time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.evaluation.canvas import Chart, draw_text, paste
from jepa_wm_ros.evaluation.movie import Movie
from jepa_wm_ros.evaluation.palette import COST, GOAL, GRID, INK, LEVEL, MUTED, PLANNER, rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.trace import Trace

    Picture = NDArray[np.uint8]

SIZE = (1280, 720)
FPS = 15.0
HOLD_S = 1.5
"""How long the end of each goal stands still [s]."""
_LEFT, _RIGHT, _TOP = 24, 648, 76
_CHART = 564


@dataclass(frozen=True, slots=True)
class _Layout:
    """Size of a picture, left edges of the pictures, top and height of the charts [px]."""

    panel: tuple[int, int]
    lefts: tuple[int, ...]
    chart_top: int
    chart_height: int


_TWO = _Layout((608, 342), (_LEFT, _RIGHT), 476, 170)
_THREE = _Layout((400, 225), (_LEFT, 440, 856), 359, 287)
"""Camera and goal; or camera, goal and what is expected."""


def write_video(
    path: Path, traces: Sequence[Trace], report: Callable[[int, int], None] | None = None
) -> int:
    """Write the video of all goals that have pictures.

    Args:
        path: The MP4 file; it appears when it is complete.
        traces: The goals, in order.
        report: Called with (pictures written, pictures in all).

    Returns:
        Pictures in the video; 0 when there was nothing to show and no file was made.

    Raises:
        MovieError: It cannot be written.
    """
    shown = [trace for trace in traces if trace.frames]
    total = sum(len(frame_times(trace)) for trace in shown)
    if not total:
        return 0
    with Movie(path, SIZE, FPS) as movie:
        for trace in shown:
            for picture in video_frames(trace, len(traces)):
                movie.write(picture)
                if report is not None:
                    report(movie.frames, total)
    return movie.frames


def frame_times(trace: Trace) -> NDArray[np.float64]:
    """Return the times `(N,)` of the video's pictures [s]: regular, with a hold at the end."""
    first, last = trace.frames[0].stamp_s, trace.frames[-1].stamp_s
    return first + np.arange(round((last - first + HOLD_S) * FPS) + 1) / FPS


def video_frames(trace: Trace, goals: int) -> Iterator[Picture]:
    """Yield the video's pictures `(720, 1280, 3)` uint8 RGB for one goal of so many."""
    scene = _Scene(trace, goals)
    stamps = np.array([frame.stamp_s for frame in trace.frames])
    shown, camera = -1, trace.picture
    for now in frame_times(trace):
        newest = int(np.searchsorted(stamps, now + 1e-6, side='right')) - 1
        if newest != shown:
            shown, camera = newest, trace.frames[newest].picture()
        yield scene.at(now, camera)


class _Scene:
    """Everything about one goal that does not change from picture to picture, drawn once."""

    def __init__(self, trace: Trace, goals: int) -> None:
        self._trace = trace
        self._start_s = trace.frames[0].stamp_s
        self._end_s = trace.frames[-1].stamp_s
        self._positions_s = np.array([stamp for stamp, _ in trace.positions]) - self._start_s
        offsets = np.array([position for _, position in trace.positions]).reshape(-1, 3)
        self._distances_cm = 100 * np.linalg.norm(offsets - trace.goal, axis=1)
        self._plans_s = np.array([p.observation_stamp_s for p in trace.plans]) - self._start_s
        self._costs = np.array([plan.cost for plan in trace.plans])
        if trace.final_cost is not None and trace.positions:
            self._plans_s = np.append(self._plans_s, self._end_s - self._start_s)
            self._costs = np.append(self._costs, trace.final_cost)
        length_s = max(self._end_s - self._start_s, 1.0)
        self._layout = _THREE if trace.expected else _TWO
        self._distance_chart = _chart(self._layout, _LEFT, length_s, self._distances_cm, 10.0)
        self._cost_chart = _chart(self._layout, _RIGHT, length_s, self._costs, 0.1)
        self._base = self._draw_base(goals)

    def at(self, now_s: float, camera: Picture) -> Picture:
        """Return the picture at a time, with what the camera saw."""
        picture = self._base.copy()
        paste(picture, camera, (_LEFT, _TOP), self._layout.panel)
        _label(picture, 'camera', _LEFT, PLANNER)
        self._show_expected(picture, now_s)
        elapsed = now_s - self._start_s
        distances = self._positions_s <= elapsed
        self._distance_chart.draw_curve(
            picture, self._positions_s[distances], self._distances_cm[distances], PLANNER
        )
        plans = self._plans_s <= elapsed
        self._cost_chart.draw_curve(
            picture, self._plans_s[plans], self._costs[plans], COST, marks=True
        )
        self._write_figures(picture, now_s)
        return picture

    def _draw_base(self, goals: int) -> Picture:
        picture = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
        title = f'Goal {self._trace.index + 1} of {goals}'
        draw_text(picture, title, (_LEFT, 50), size=32, bold=True)
        goal = self._layout.lefts[1]
        paste(picture, self._trace.picture, (goal, _TOP), self._layout.panel)
        _label(picture, 'goal picture', goal, GOAL)
        self._distance_chart.draw_axes(picture, 'True distance from the goal [cm]', 'time [s]')
        self._distance_chart.draw_level(picture, 5.0, LEVEL)
        self._cost_chart.draw_axes(picture, 'Latent distance (what the planner sees)', 'time [s]')
        note = 'dashed: 5 cm; the planner never sees this'
        draw_text(picture, note, (_LEFT + 44, SIZE[1] - 12), size=16, colour=MUTED)
        return picture

    def _show_expected(self, picture: Picture, now_s: float) -> None:
        """Show what the newest plan is expected to lead to; the model sees a square only."""
        if not self._trace.expected:
            return
        (width, height), left = self._layout.panel, self._layout.lefts[2]
        picture[_TOP : _TOP + height, left : left + width] = rgb(GRID)
        plans = sum(plan.stamp_s <= now_s for plan in self._trace.plans)
        if plans:
            drawn = self._trace.expected[plans - 1]
            wide = min(width, round(height * drawn.shape[1] / drawn.shape[0]))
            paste(picture, drawn, (left + (width - wide) // 2, _TOP), (wide, height))
        _label(picture, 'expected', left, COST)

    def _write_figures(self, picture: Picture, now_s: float) -> None:
        trace = self._trace
        plans = sum(plan.stamp_s <= now_s for plan in trace.plans)
        distance_m = trace.distance_at(now_s)
        if now_s > self._end_s:
            text = f'{trace.outcome.lower().replace("_", " ")} after {len(trace.plans)} steps'
        elif plans:
            text = f'step {plans}    planning {1000 * trace.plans[plans - 1].plan_time_s:.0f} ms'
        else:
            text = 'looking'
        draw_text(picture, text, (_RIGHT, 50), size=24, colour=INK)
        if distance_m is not None:
            near = distance_m <= 0.05
            colour = GOAL if near else INK
            figure = f'{100 * distance_m:.1f} cm'
            draw_text(
                picture, figure, (SIZE[0] - 24, 50), size=32, bold=True, colour=colour, anchor='rs'
            )


def _chart(
    layout: _Layout, panel_left: int, length_s: float, values: NDArray[np.float64], least: float
) -> Chart:
    highest = float(values.max()) if len(values) else 0.0
    return Chart(
        left=panel_left + 44,
        top=layout.chart_top,
        width=_CHART,
        height=layout.chart_height,
        x_end=1.02 * length_s,
        y_end=max(1.08 * highest, least),
    )


def _label(picture: Picture, text: str, left: int, colour: str) -> None:
    """Write a caption on a coloured tag into the upper left corner of a panel."""
    from jepa_wm_ros.evaluation.canvas import font

    width = int(font(20, bold=True).getlength(text)) + 24
    picture[_TOP : _TOP + 34, left : left + width] = rgb(colour)
    draw_text(
        picture, text, (left + 12, _TOP + 17), size=20, bold=True, colour='#ffffff', anchor='lm'
    )
