"""The panel of the page: buttons, state, pictures and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.palette import COST, MUTED, PLANNER, rgb
from jepa_wm_ros.viz.colours import STATE_COLOURS
from jepa_wm_ros.viz.layers import PLAN_LAYERS, SCENE_LAYERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from jepa_wm_ros.viz.cell_view import CellView
    from jepa_wm_ros.viz.plots import CostSeries

PICTURES = {
    'image': 'Camera',
    'goal_image': 'Goal',
    'difference_image': 'Difference from the goal',
    'predicted_image': 'Predicted, step by step',
    'landscape_image': 'Energy landscape',
}
"""Pictures by topic, with their titles."""
_FIRST = ('image', 'goal_image')
"""Pictures above the plots."""
_ASPECT = 2.8
_BLANK = np.full((90, 160, 3), 235, np.uint8)
_RED = rgb(STATE_COLOURS['FAULT'])
_NOTICE_S = 6.0


class Commands(Protocol):
    """What the buttons do. Each blocks until it is done, says so in words, and may raise
    JepaWmError with the reason.
    """  # noqa: D205 - one sentence would not hold it

    def capture(self) -> str:
        """Take what the camera sees as the goal."""
        ...

    def send(self) -> str:
        """Go to the captured goal; returns when it has been reached or given up."""
        ...

    def pause(self, *, paused: bool) -> str:
        """Hold and plan no more, or go on."""
        ...

    def stop(self) -> str:
        """Hold and disarm at once."""
        ...

    def arm(self, *, armed: bool) -> str:
        """Arm or disarm."""
        ...

    def reset_fault(self) -> str:
        """Clear a latched fault."""
        ...

    def home(self) -> str:
        """Go to the posture from which goals begin."""
        ...

    def speed(self, share: float) -> str:
        """Move at a share of the allowed speed, above 0 to 1."""
        ...


class Panel:
    """Builds the panel once, and keeps it up to date.

    Args:
        gui: viser's `GuiApi`.
        commands: What the buttons do.
        show_layer: Is told of layers that are switched on or off.
    """

    def __init__(
        self, gui: Any, commands: Commands, show_layer: Callable[[str, bool], None]
    ) -> None:
        self._gui, self._commands = gui, commands
        self._state = gui.add_markdown('waiting for the graph')
        self._said = gui.add_markdown('')
        self._add_buttons()
        self._pictures: dict[str, Any] = {}
        for topic in _FIRST:
            self._add_picture(topic)
        self._add_plots()
        for topic in [topic for topic in PICTURES if topic not in _FIRST]:
            self._add_picture(topic)
        self._add_layers(show_layer)

    def show_state(self, view: CellView) -> None:
        """Write what the supervisor and the newest plan say."""
        first, *rest = view.status().split('\n')
        colour = STATE_COLOURS[view.safety.name]
        name, *reason = first.split(': ', 1)
        lines = [f'<span style="color:{colour}">**{name}**</span>', *reason, *rest]
        self._state.content = '  \n'.join(lines)

    def show_costs(self, costs: CostSeries) -> None:
        """Draw the plots anew."""
        if costs.times_s:
            times = np.array(costs.times_s)
            self._distance.data = times, np.array(costs.now)
            self._costs.data = times, np.array(costs.planned), np.array(costs.noop)

    def show_picture(self, topic: str, picture: NDArray[np.uint8]) -> None:
        """Show a picture `(H, W, 3)` uint8 RGB."""
        self._pictures[topic].image = picture

    def say(self, text: str) -> None:
        """Show what became of the last button."""
        self._said.content = text

    def _add_buttons(self) -> None:
        do = self._commands
        stop = self._gui.add_button('STOP', color=_RED, hint='the arm holds and is disarmed')
        stop.on_click(lambda event: self._do(do.stop, event))
        self._add_row(
            'Robot',
            {
                'Arm': lambda: do.arm(armed=True),
                'Disarm': lambda: do.arm(armed=False),
                'Reset fault': do.reset_fault,
                'Home': do.home,
            },
        )
        self._speed = self._gui.add_slider('Speed', 0.05, 1.0, 0.05, 1.0)
        self._speed.on_update(lambda event: self._do(lambda: do.speed(self._speed.value), event))
        self._add_row('Goal', {'Capture goal': do.capture, 'Go to goal': do.send})
        self._add_row(
            'Motion',
            {
                'Pause': lambda: do.pause(paused=True),
                'Resume': lambda: do.pause(paused=False),
            },
        )

    def _add_row(self, label: str, commands: dict[str, Callable[[], str]]) -> None:
        """Add buttons side by side: what is seen shall not be below what is pushed."""
        row = self._gui.add_button_group(label, tuple(commands))
        row.on_click(lambda event: self._do(commands[event.target.value], event))

    def _add_picture(self, topic: str) -> None:
        self._pictures[topic] = self._gui.add_image(_BLANK, label=PICTURES[topic], format='jpeg')

    def _do(self, command: Callable[[], str], event: Any) -> None:
        """Run a command and say what became of it; viser calls this on a thread of its own."""
        try:
            self.say(command())
        except JepaWmError as error:
            self.say(f'**refused:** {error}')
            if event.client is not None:
                event.client.add_notification(
                    'Refused', str(error), color='red', auto_close_seconds=_NOTICE_S
                )

    def _add_plots(self) -> None:
        from viser import uplot

        zero = np.array([0.0, 1.0]), np.array([0.0, 0.0])
        time = uplot.Series(label='s')
        self._distance = self._gui.add_uplot(
            zero,
            (time, uplot.Series(label='latent distance', stroke=PLANNER, width=2)),
            scales={'x': uplot.Scale(time=False)},
            aspect=_ASPECT,
        )
        self._costs = self._gui.add_uplot(
            (*zero, zero[1]),
            (
                time,
                uplot.Series(label='cost of plan', stroke=COST, width=2),
                uplot.Series(label='of doing nothing', stroke=MUTED, width=2),
            ),
            scales={'x': uplot.Scale(time=False)},
            aspect=_ASPECT,
        )

    def _add_layers(self, show_layer: Callable[[str, bool], None]) -> None:
        with self._gui.add_folder('Layers', expand_by_default=False):
            for layer in (*PLAN_LAYERS, *SCENE_LAYERS, 'trail'):
                box = self._gui.add_checkbox(layer.replace('_', ' '), initial_value=True)
                box.on_update(lambda event, layer=layer: show_layer(layer, event.target.value))
