"""The trial of a preset: fabricate its files, import them, load the bundle, predict.

Each step runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.memory import peak_bytes, reset_peak, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.worldmodel.contract import Contract

LIMIT = 1.3
"""Most memory that importing or loading may take, in multiples of the bundle's weights."""


class TrialError(JepaWmError):
    """A trial could not be finished."""


def try_preset(
    name: str, folder: Path, told: Callable[[str], None] = lambda stage: None
) -> dict[str, Any]:
    """Run the trial of a preset.

    Args:
        name: The preset.
        folder: Where its files and the bundle go for the time of the trial.
        told: Called with each stage as it begins.

    Returns:
        Figures by name: parameters found and published, bytes, peak memory in multiples of the
        weights, times [s], and `passed`.

    Raises:
        JepaWmError: A step fails.
    """
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(name)
    paths = {
        role: folder / '-'.join((preset.name, Path(file.name).name))
        for role, file in preset.files.items()
    }
    bundle = folder / preset.name
    figures: dict[str, Any] = {'preset': preset.name}
    try:
        told('fabricate')
        for role in preset.files:
            figures[f'{role}_bytes'] = _apart(fabricate_file, name, role, paths[role])
        told('import')
        figures |= _apart(import_files, name, paths, bundle)
        told('load')
        figures |= _apart(load_and_predict, bundle)
    finally:
        for path in (*paths.values(), *bundle.glob('*')):
            path.unlink(missing_ok=True)
    figures['published_parameters'] = preset.parameters
    figures['passed'] = bool(
        figures['parameters'] == preset.parameters
        and max(figures['import_peak'], figures['load_peak']) < LIMIT
    )
    return figures


def fabricate_file(name: str, role: str, path: Path) -> int:
    """Fabricate one file of a preset; gives the bytes of its tensors."""
    from jepa_wm_ros.worldmodel.published.fabrication import fabricate
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(name)
    return fabricate(preset.layout(role), path, preset.files[role].ignored)


def import_files(name: str, paths: dict[str, Path], out: Path) -> dict[str, Any]:
    """Import files of a preset; gives parameters, ignored keys, time and memory."""
    from jepa_wm_ros.worldmodel.bundle import WEIGHTS_FILE
    from jepa_wm_ros.worldmodel.published.importing import import_checkpoint
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    preset = load_preset(name)
    _warm_up(preset.contract)
    before, started = resident_bytes(), time.perf_counter()
    report = import_checkpoint(preset, paths['checkpoint'], paths.get('encoder'), out)
    weights = (out / WEIGHTS_FILE).stat().st_size
    return {
        'parameters': dict(report.parameters),
        'ignored': dict(report.ignored),
        'weights_bytes': weights,
        'import_s': round(time.perf_counter() - started, 2),
        'import_peak': round((peak_bytes() - before) / weights, 3),
    }


def load_and_predict(bundle: Path) -> dict[str, Any]:
    """Load a bundle and let it predict; gives time and memory."""
    from jepa_wm_ros.worldmodel.bundle import WEIGHTS_FILE, load_bundle, read_contract
    from jepa_wm_ros.worldmodel.probe import probe

    weights = (bundle / WEIGHTS_FILE).stat().st_size
    _warm_up(read_contract(bundle))
    before, started = resident_bytes(), time.perf_counter()
    model = load_bundle(bundle)
    loaded, peak = time.perf_counter(), peak_bytes()
    figures = {
        'load_s': round(loaded - started, 2),
        'load_peak': round((peak - before) / weights, 3),
    }
    return {**figures, **dataclasses.asdict(probe(model))}


def _warm_up(contract: Contract) -> None:
    """Import the model's code and let torch start its threads, which is no part of the weights."""
    import torch

    from jepa_wm_ros.worldmodel.building import build_empty

    build_empty(contract)
    (torch.ones(64, 64) @ torch.ones(64, 64)).isfinite().all()
    reset_peak()


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process; its errors are raised here."""
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise TrialError(
                f'the process of {function.__name__} was killed; is there enough memory?'
            ) from error
