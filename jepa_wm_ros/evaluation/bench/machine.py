"""What the machine can do: its name and its rate of matrix products."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.evaluation.bench.timing import take_turns
from jepa_wm_ros.worldmodel.predictors.packed import PackedLinear, can_pack

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 2048
"""Rows and columns of the square matrices: large enough to be arithmetic, not memory."""
TRIES = 5


def machine_name(device: torch.device) -> str:
    """Return the processor's name, with what matters for matrix products on a CPU."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    words = [_cpu_name(), f'{torch.get_num_threads()} threads', *cpu_extensions()]
    return ', '.join(words)


def cpu_extensions() -> list[str]:
    """Return which of the instruction sets that matter here the CPU has."""
    flags = _cpuinfo().get('flags', '').split()
    names = {'avx2': 'AVX2', 'avx512f': 'AVX512', 'avx512_bf16': 'AVX512_BF16', 'amx_bf16': 'AMX'}
    return [name for flag, name in names.items() if flag in flags]


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the best measured rate of square matrix products [FLOP/s], packed or not."""
    left = torch.randn(SIDE, SIDE, device=device).to(dtype)
    right = torch.randn(SIDE, SIDE, device=device).to(dtype)
    ways: list[Callable[[], object]] = [lambda: left @ right]
    if can_pack(device, dtype):
        packed = PackedLinear(right, None, dtype)
        ways.append(lambda: packed(left))
    return 2 * SIDE**3 / min(_shortest(way, device) for way in ways)


def _shortest(way: Callable[[], object], device: torch.device) -> float:
    timings = take_turns([way], warm_up=1, repeats=TRIES, device=device)
    return min(timings[0].seconds)


def _cpu_name() -> str:
    return _cpuinfo().get('model name') or platform.processor() or platform.machine()


def _cpuinfo() -> dict[str, str]:
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        return {}
    first = text.partition('\n\n')[0]
    pairs = (line.partition(':') for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
