"""Pictures of what the model makes of camera and goal: the thinking behind the node `insight`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.viz.overlay import captioned, notice, overlay
from jepa_wm_ros.viz.plots import landscape_plot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.planning.thought import Thought
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel

    Picture = NDArray[np.uint8]


class Explainer:
    """Draws what the model sees, wants and expects; each method is a job for a worker.

    Args:
        model: The world model.
        settings: Planning settings; they say how distances are measured.
    """

    def __init__(self, model: WorldModel, settings: PlanningSettings) -> None:
        from jepa_wm_ros.planning.objectives import make_objective
        from jepa_wm_ros.worldmodel.heads import load_decoder

        contract = model.contract
        self._model, self._settings = model, settings
        self._objective = make_objective(settings, contract)
        self._goal: tuple[Picture, Latent] | None = None
        self.trouble = ''
        """Why there is no decoder, for people; empty when there is one."""
        try:
            self._decoder = load_decoder(contract.folder, model)
            if self._decoder is None:
                self.trouble = 'this bundle has no decoder'
        except JepaWmError as error:
            self._decoder, self.trouble = None, str(error)

    def difference(self, picture: Picture, latent: Latent, goal_picture: Picture) -> Picture:
        """Draw over a camera picture where its distance from the goal comes from.

        Args:
            picture: `(H, W, 3)` uint8 RGB.
            latent: What the encoder made of it, tokens `(1, N, D)`.
            goal_picture: `(H, W, 3)` uint8 RGB.

        Raises:
            PictureError: The goal picture cannot be encoded.
        """
        from jepa_wm_ros.planning.difference_map import difference_map
        from jepa_wm_ros.worldmodel.framing import seen_window

        latents = latent, self._goal_latent(goal_picture)
        pictures = picture, goal_picture
        found = difference_map(self._model, self._objective, self._settings, pictures, latents)
        height, width = picture.shape[:2]
        window = seen_window((height, width), self._model.contract.camera)
        drawn = overlay(picture, found.values, window)
        return captioned(drawn, f'{found.kind}; distance {found.distance:.3g}')

    def landscape(self, thought: Thought, points: int) -> Picture:
        """Draw what constant translations would have cost instead of the plan."""
        from jepa_wm_ros.planning.cost_slice import cost_slice

        found = cost_slice(thought, points)
        return landscape_plot(found.costs, found.axes, found.planned)

    def prediction(self, thought: Thought) -> Picture:
        """Draw what the model expects to see after each planned step, the next one first."""
        if self._decoder is None:
            return notice(f'no predicted picture:\n{self.trouble}')
        predicted = thought.plan.predicted
        if predicted is None:
            return notice('no predicted picture:\nthe plan has no predictions')
        import torch

        with torch.inference_mode():
            frames = self._decoder.decode(predicted).clamp(0, 1)
        strip = torch.cat(list(frames), -1).movedim(0, -1)
        return np.ascontiguousarray((255 * strip).round().byte().cpu().numpy())

    def _goal_latent(self, picture: Picture) -> Latent:
        from jepa_wm_ros.worldmodel.observation import encode_picture

        if self._goal is None or self._goal[0] is not picture:
            self._goal = picture, encode_picture(self._model, picture)
        return self._goal[1]
