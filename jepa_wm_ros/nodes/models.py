"""The world model of a process: loaded once, shared by its nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.protocol import WorldModel

SHIPPED_MODEL = 'franka_cell_reach'


class DeviceError(JepaWmError):
    """The asked compute device is not there."""


class ModelShelf:
    """Loads bundles and keeps them, so that encoder and planner use the same weights."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], WorldModel] = {}

    def load(self, folder: str, device: str, threads: int) -> WorldModel:
        """Return the model of a bundle.

        Args:
            folder: Bundle; '' is the shipped one.
            device: torch device, `cpu` or `cuda`.
            threads: CPU threads of torch in this process.

        Raises:
            BundleError: The bundle is missing or damaged, or a model of something else than arms.
            DeviceError: torch cannot use the device.
        """
        import torch

        from jepa_wm_ros.worldmodel.bundle import check_cartesian, load_bundle, read_contract

        torch.set_num_threads(threads)
        if device.startswith('cuda') and not torch.cuda.is_available():
            raise DeviceError(f"device {device!r} is not available to torch here; use 'cpu'")
        path = str(Path(folder) if folder else share('models', SHIPPED_MODEL))
        if (path, device) not in self._models:
            check_cartesian(read_contract(path), path)
            self._models[path, device] = load_bundle(path, device)
        return self._models[path, device]


def memory_values(device: str) -> dict[str, object]:
    """Return what torch holds of a GPU's memory, as diagnostic values; nothing for a CPU."""
    if not device.startswith('cuda'):
        return {}
    import torch

    held = {
        'held': torch.cuda.memory_reserved(device),
        'most': torch.cuda.max_memory_allocated(device),
    }
    return {f'gpu_memory_{name}_mib': size / 2**20 for name, size in held.items()}


def warm_up(model: WorldModel) -> None:
    """Encode one picture of noise, so that the first real one does not pay for lazy set-up."""
    import numpy as np

    from jepa_wm_ros.worldmodel.observation import encode_picture

    contract = model.contract
    noise = np.random.default_rng(0)
    size = (contract.camera.height, contract.camera.width, 3)
    picture = noise.integers(0, 256, size, dtype=np.uint8)
    proprio = np.zeros(len(contract.proprio.fields)) if contract.proprio.fields else None
    encode_picture(model, picture, proprio)
