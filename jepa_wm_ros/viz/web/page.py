"""The page of `jepa-wm view`: the cell in three dimensions, and the panel beside it."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.viz.colours import opaque
from jepa_wm_ros.viz.shapes import Shape
from jepa_wm_ros.viz.web.panel import PICTURES, Panel
from jepa_wm_ros.viz.web.robot_scene import RobotScene
from jepa_wm_ros.viz.web.shape_scene import ShapeScene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.viz.cell_view import CellView
    from jepa_wm_ros.viz.web.panel import Commands

_TRAIL_COLOUR = '#e69f00'
_FLOOR_M = -0.01  # below the table top
_EYE, _LOOK_AT = (1.6, 1.1, 1.0), (0.35, 0.0, 0.35)


class Page:
    """Serves the page on 127.0.0.1 at a free port; a `Gate` stands before it.

    Args:
        view: What is shown.
        commands: What the buttons do.
    """

    def __init__(self, view: CellView, commands: Commands) -> None:
        self._server = _private_server()
        self._view = view
        server = self._server
        server.gui.configure_theme(control_width='large', show_logo=False, show_share_button=False)
        server.gui.main_panel.dock_right()
        server.gui.set_panel_label('jepa-wm view')
        # browsers without a graphics card draw the scene, too: shadows cost them most
        server.scene.configure_default_lights(cast_shadow=False)
        server.scene.configure_environment_map(None)
        floor = {'width': 2.4, 'height': 2.4, 'cell_size': 0.1, 'section_size': 0.5}
        server.scene.add_grid('/floor', position=(0.0, 0.0, _FLOOR_M), **floor)
        server.initial_camera.position, server.initial_camera.look_at = _EYE, _LOOK_AT
        self._robot = RobotScene(server.scene, view.tree)
        self._shapes = ShapeScene(server.scene)
        self._panel = Panel(server.gui, commands, self._switch)
        self._drawn: object = None
        self._costs = 0
        self._new_pictures: dict[str, NDArray[np.uint8]] = {}

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        return int(self._server.get_port())

    @property
    def watched(self) -> bool:
        """Whether a browser is connected."""
        return bool(self._server.get_clients())

    def close(self) -> None:
        """End the server."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()

    def take_picture(self, topic: str, picture: NDArray[np.uint8]) -> None:
        """Keep the newest picture `(H, W, 3)` uint8 RGB of a topic, a key of `PICTURES`."""
        if topic in PICTURES:
            self._new_pictures[topic] = picture

    def update(self, changes: int) -> None:
        """Bring the page up to date; nothing is sent that has not changed.

        Args:
            changes: Another number when something besides the joints has changed.
        """
        view = self._view
        with self._server.atomic():
            if view.joints:
                self._robot.move(view.link_poses())
            key = changes, view.trail.count
            if key != self._drawn:
                self._drawn = key
                self._panel.show_state(view)
                self._shapes.draw([*view.scene_shapes(), *view.plan_shapes(), *self._trail()])
            if len(view.costs.times_s) != self._costs:
                self._costs = len(view.costs.times_s)
                self._panel.show_costs(view.costs)
            for topic in list(self._new_pictures):
                self._panel.show_picture(topic, self._new_pictures.pop(topic))

    def _trail(self) -> list[Shape]:
        points = [pose.position for _, pose in self._view.trail.path()]
        if len(points) < 2:
            return []
        return [
            Shape(
                layer='trail',
                number=0,
                kind='line',
                points=np.stack(points),
                colours=opaque(_TRAIL_COLOUR),
                size=0.005,
            )
        ]

    def _switch(self, layer: str, visible: bool) -> None:
        self._shapes.show(layer, visible=visible)
        self._drawn = None


def _private_server() -> Any:
    """Return a viser server that nobody can share with the world.

    viser lets every visitor ask for a public address, a tunnel that would lead around the gate.
    """
    import viser

    class PrivateServer(viser.ViserServer):
        def request_share_url(self, verbose: bool = True) -> None:
            """Refuse."""

    with contextlib.redirect_stdout(io.StringIO()):  # it would tell the door behind the gate
        return PrivateServer(host='127.0.0.1', port=0, verbose=False)
