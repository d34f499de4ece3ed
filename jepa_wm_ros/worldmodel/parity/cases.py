"""Recompute a recorded reference case with this project's own code.

A case is a folder with `case.json` (what was run: system, configuration, the meaning and verified
rounding of every tensor) and `tensors.safetensors` (`weights/…`, `in/…` and `out/…`). Use:

    outputs = run_case('test/data/parity/lewm')   # {'out/emb': tensor, …}

The system's name in `case.json` chooses the handlers; each recomputes its part of the outputs
from configuration, weights and inputs alone. They live in the room whose code they try, and are
imported by name when they are needed: a world model knows nothing of planning or training.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

CASE_FILE = 'case.json'
TENSORS_FILE = 'tensors.safetensors'

HANDLERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ('JEPA-WM AdaLN predictor', ('worldmodel.parity.jepa_wm:run',)),
    ('DINO-WM predictor (ViTPredictor)', ('worldmodel.parity.dino_wm:run',)),
    ('original DINO-WM world model', ('training.parity.dino_wm:run',)),
    ('V-JEPA-2-AC predictor', ('worldmodel.parity.vjepa2_ac:run',)),
    ('V-JEPA 2-AC predictor', ('worldmodel.parity.vjepa2_ac:run_official',)),
    ('rotary function', ('worldmodel.parity.rope:run',)),
    ('DINOv2 vision transformer', ('worldmodel.parity.encoders:run_dinov2',)),
    ('DINOv3 vision transformer', ('worldmodel.parity.encoders:run_dinov3',)),
    ('V-JEPA 2 encoder', ('worldmodel.parity.encoders:run_vjepa2',)),
    ('JEPA-WM image preprocessing', ('worldmodel.parity.preprocessing:run_jepa_wm',)),
    ('V-JEPA 2-AC image preprocessing', ('worldmodel.parity.preprocessing:run_vjepa2',)),
    (
        'original DINO-WM image preprocessing and planning objectives',
        ('worldmodel.parity.preprocessing:run_dino_wm', 'planning.parity.objectives:run_dino_wm'),
    ),
    ('JEPA-WM cross-entropy planner', ('planning.parity.cem:run_jepa_wm',)),
    ('V-JEPA 2-AC notebook planner', ('planning.parity.cem:run_vjepa2',)),
    ('MPPI / gradient planners', ('planning.parity.planners:run',)),
    ('planning objectives of jepa-wms', ('planning.parity.objectives:run',)),
    ('JEPA-WM training losses', ('training.parity.jepa_wm:run',)),
    ('LeWorldModel', ('worldmodel.parity.lewm:run', 'training.parity.lewm:run')),
    ('Causal-JEPA', ('worldmodel.parity.cjepa:run', 'training.parity.cjepa:run')),
    ('PLDM training terms', ('training.parity.pldm:run',)),
    ('DROID offline action error', ('evaluation.parity:run_droid_metric',)),
    ('pose arithmetic', ('evaluation.parity:run_poses',)),
)
"""How a system's name begins, and who recomputes it: `module:function` below `jepa_wm_ros`."""


class ParityError(JepaWmError):
    """A case cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a handler may know of a recorded case: everything but the values of the outputs.

    Attributes:
        name: The case's name.
        system: What was run, in the words of `case.json`.
        config: Sizes, seeds and settings of the run.
        weights: Parameters by the key of their publisher (without `weights/`).
        inputs: Inputs by name (without `in/`).
        outputs: Names of the outputs (without `out/`).
    """

    name: str
    system: str
    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]


def run_case(case_dir: Path | str) -> dict[str, Tensor]:
    """Recompute every output of a case.

    Args:
        case_dir: Folder with `case.json` and `tensors.safetensors`.

    Returns:
        The recomputed tensors by the names of the file, `out/…`.

    Raises:
        ParityError: The folder is not a case, or nothing here knows its system.
    """
    import torch

    case = read_case(case_dir)
    outputs: dict[str, Tensor] = {}
    for handler in _handlers(case, Path(case_dir)):
        module, function = handler.split(':')
        run = getattr(importlib.import_module(f'jepa_wm_ros.{module}'), function)
        for name, value in run(case).items():
            outputs[f'out/{name}'] = torch.as_tensor(value).detach()
    return outputs


def read_case(case_dir: Path | str) -> Case:
    """Read a case without the values of its outputs.

    Raises:
        ParityError: A file is missing or damaged; names it.
    """
    from safetensors import safe_open

    folder = Path(case_dir)
    try:
        described = json.loads((folder / CASE_FILE).read_text())
        with safe_open(folder / TENSORS_FILE, 'pt') as file:
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names if name[:4] != 'out/'}
    except Exception as error:  # safetensors has no public base class of its errors
        raise ParityError(
            f'{folder}: not a recorded case ({CASE_FILE} and {TENSORS_FILE}): {error}'
        ) from error
    return Case(
        name=described.get('case', folder.name),
        system=described.get('system', ''),
        config=described.get('config', {}),
        weights=_below('weights/', tensors),
        inputs=_below('in/', tensors),
        outputs=tuple(name[4:] for name in names if name.startswith('out/')),
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _handlers(case: Case, folder: Path) -> tuple[str, ...]:
    for system, handlers in HANDLERS:
        if case.system.startswith(system):
            return handlers
    raise ParityError(
        f'{folder / CASE_FILE}: no handler for the system {case.system!r}; known are '
        + '; '.join(system for system, _ in HANDLERS)
    )
