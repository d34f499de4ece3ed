"""How far a recomputed output may be from the recorded one.

The recording tells, for every output, how far the reference itself moves when it is run again in
double precision: its natural rounding. Ten times that is the limit, and a few units in the last
place where that figure is nothing.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file

ROUNDING_FACTOR = 10
ULPS = 16
ANGLES = {'poses': slice(3, 6)}
"""Columns that hold angles, by the beginning of the case's name: compared modulo a full turn."""


class Recording:
    """The outputs of a case as its reference made them, and how well they are known."""

    def __init__(self, folder: Path) -> None:
        self.case = json.loads((folder / 'case.json').read_text())
        tensors = load_file(folder / 'tensors.safetensors')
        self.outputs = {name: t for name, t in tensors.items() if name.startswith('out/')}
        self.rounding = self.case['verification']['float64_rerun']['max_abs_diff']

    def problems(self, found: dict[str, torch.Tensor]) -> list[str]:
        """Name every output that is missing, unexpected, misshapen or too far away."""
        problems = [f'{name} is missing' for name in self.outputs if name not in found]
        problems += [f'{name} is unexpected' for name in found if name not in self.outputs]
        for name in self.outputs:
            if name in found:
                problems += self._compare(name, found[name])
        return problems

    def _compare(self, name: str, found: torch.Tensor) -> list[str]:
        expected = self.outputs[name]
        if found.shape != expected.shape:
            return [f'{name} has shape {tuple(found.shape)}, not {tuple(expected.shape)}']
        if not expected.is_floating_point():
            same = torch.equal(found.to(expected.dtype), expected)
            return [] if same else [f'{name} differs']
        if not bool(found.isfinite().all()):
            return [f'{name} holds values that are not finite']
        error = self._error(found.double(), expected.double())
        limit = self._limit(name, expected)
        return [f'{name}: {error:.3g} is more than {limit:.3g}'] if error > limit else []

    def _error(self, found: torch.Tensor, expected: torch.Tensor) -> float:
        error = found - expected
        for case, columns in ANGLES.items():
            if self.case['case'].startswith(case):
                angles = error[..., columns]
                error[..., columns] = angles - 2 * math.pi * (angles / (2 * math.pi)).round()
        return float(error.abs().max()) if error.numel() else 0.0

    def _limit(self, name: str, expected: torch.Tensor) -> float:
        known = self.rounding.get(name.removeprefix('out/'), 0.0)
        magnitude = float(expected.abs().max()) if expected.numel() else 0.0
        return max(ROUNDING_FACTOR * known, ULPS * torch.finfo(expected.dtype).eps * magnitude)
