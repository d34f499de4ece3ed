"""A cost function recorded once as a CUDA graph, and replayed in every iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import SolverError

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.solver import CostFunction

WARM_UPS = 3
"""Calls before a recording, in which libraries choose their kernels and get their memory."""


class GraphedCost:
    """Replays what a cost function launched for the first candidates of each shape.

    A replay is one launch instead of thousands, which is what small models wait for on a GPU. It
    reads the candidates from one place and everything else (observation, goal, weights) from where
    it was when it was recorded: make another one for another plan, or write into the same tensors.
    """

    def __init__(self, cost: CostFunction) -> None:
        """Prepare to record.

        Args:
            cost: Costs `(B, S)` of candidates `(B, S, H, A)` on a CUDA device, without a decision
                on the host and without a gradient.

        Raises:
            SolverError: There is no CUDA device.
        """
        if not torch.cuda.is_available():
            raise SolverError('CUDA graphs need a CUDA device; leave out --graphs')
        self._cost = cost
        self._recorded: dict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def __call__(self, candidates: Tensor) -> Tensor:
        """Return the costs `(B, S)` of candidates `(B, S, H, A)`."""
        if candidates.shape not in self._recorded:
            self._recorded[candidates.shape] = self._record(candidates)
        graph, given, costs = self._recorded[candidates.shape]
        given.copy_(candidates)
        graph.replay()
        return costs.clone()

    def _record(self, candidates: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        given = candidates.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._cost(given)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            costs = self._cost(given)
        return graph, given, costs
