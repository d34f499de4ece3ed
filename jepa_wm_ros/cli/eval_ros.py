"""Episodes of an evaluation through the whole ROS graph, with the delays on the wire."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from jepa_wm_ros.evaluation.players import Player
    from jepa_wm_ros.evaluation.report import Report
    from jepa_wm_ros.ros.timing import WireTimes


class EpisodeLostError(JepaWmError):
    """An episode cannot be judged."""


def play_through_ros(
    player: Player, report: Report, console: Console, drivers: Mapping[str, str] | None = None
) -> None:
    """Bring the graph up, play all episodes with all their steps, bring it down.

    Args:
        player: Which bundle.
        report: Takes the episodes, and the delays as further figures.
        console: Where to show progress.
        drivers: Emulated drivers, as arguments of the system `emulated`; None has none.

    Raises:
        EpisodeLostError: The simulator's true positions did not arrive.
    """
    from jepa_wm_ros.cli.cell import Steps, pursue, render_goals, running_cell
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.episodes import draw_episode
    from jepa_wm_ros.evaluation.trace import Recorder, Trace
    from jepa_wm_ros.ros.client import GraphClient

    settings, steps, holds = report.settings, Steps(console), 0
    draws = [draw_episode(settings, index) for index in range(settings.episodes)]
    pictures = render_goals(draws)
    steps.done(f'goal pictures rendered: {len(draws)}')
    recorder = Recorder(keep_frames=False)
    logs = report.folder / 'logs'
    with running_cell(player.model, logs, steps, GraphClient, drivers=drivers) as client:
        from jepa_wm_ros.ros.listening import listen
        from jepa_wm_ros.ros.timing import WireTimes

        client.configure_planner(stop_when_reached=False)
        listen(client.node, recorder, pictures=False)
        times = WireTimes(client.node)
        with progress_bar('through ROS', 'episodes', console) as bar:
            bar(0, len(draws))
            for draw, picture in zip(draws, pictures, strict=True):
                trace = Trace(index=draw.index, goal=draw.goal, picture=picture)
                pursue(client, recorder, trace, draw.start, max_steps=settings.steps)
                record = trace.record()
                if record is None:
                    raise EpisodeLostError('the topic ground_truth is silent; see logs/sim.log')
                report.add('planner', record)
                holds += len(trace.holds)
                counts = {'holds': holds, 'pauses': client.pauses}
                report.extra |= delays(times) | {'outcomes': _outcomes(report)} | counts
                centimetres = 100 * record.final_distance_m
                bar(draw.index + 1, len(draws), f'{trace.outcome}, {centimetres:.1f} cm')


def delays(times: WireTimes) -> dict[str, Any]:
    """Return the percentiles of what was measured on the wire [s]."""
    from jepa_wm_ros.evaluation.statistics import percentile

    measured = {
        'camera_to_latent_s': times.camera_to_latent_s,
        'plan_to_first_command_s': times.plan_to_first_command_s,
    }
    return {
        f'{name}_p{percent}': percentile(values, percent)
        for name, values in measured.items()
        for percent in (50, 95)
    }


def _outcomes(report: Report) -> dict[str, int]:
    return dict(Counter(record.outcome for record in report.records['planner']))
