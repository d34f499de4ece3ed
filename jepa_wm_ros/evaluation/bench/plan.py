"""How long one search for a plan takes, beside the same search along the reference path."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from jepa_wm_ros.evaluation.bench.flops import count_flops
from jepa_wm_ros.evaluation.bench.machine import machine_name, matmul_rate
from jepa_wm_ros.evaluation.bench.memory import peak_bytes
from jepa_wm_ros.evaluation.bench.search import make_search
from jepa_wm_ros.evaluation.bench.timing import take_turns
from jepa_wm_ros.planning.graphs import GraphedCost
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.execution import TORCH_TYPES, run_as
from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
from jepa_wm_ros.worldmodel.reference_path import reference_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.evaluation.bench.search import Outcome, Search
    from jepa_wm_ros.planning.solver import CostFunction
    from jepa_wm_ros.worldmodel.protocol import WorldModel

COMPARED = 4
"""Candidates whose predictions are compared number by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBenchSettings:
    """What is measured, and how often.

    Attributes:
        candidates: Candidates of each iteration.
        horizon: Steps that a candidate looks ahead.
        iterations: Iterations of a search.
        execution: How the model is run.
        reference: Whether the reference path is measured too.
        graphs: Whether cost functions are replayed as CUDA graphs; operations and memory are
            those without.
        warm_up: Searches before those that count, beside the one whose operations and memory are
            counted.
        repeats: Searches that count.
        seed: Of observation, goal and candidates.
    """

    candidates: int
    horizon: int
    iterations: int
    execution: ExecutionSettings = dataclasses.field(default_factory=ExecutionSettings)
    reference: bool = False
    graphs: bool = False
    warm_up: int = 0
    repeats: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse measurements of nothing."""
        for name in ('horizon', 'iterations', 'repeats'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')
        require(self.candidates >= 2, 'candidates must be at least 2: the better ones are kept')
        require(self.warm_up >= 0, 'warm_up must not be negative')


@dataclass(slots=True, kw_only=True)
class PlanBenchResult:
    """The figures; times in seconds, None for what was not measured.

    Attributes:
        model: Name of the model.
        machine: What it ran on.
        median_s: Time of a search [s].
        p95_s: Time that 95 % of the searches keep [s].
        seconds: All times [s].
        flops: Operations of a search, see `count_flops`.
        peak_memory_bytes: See `peak_bytes`.
        matmul_flops_per_s: Rate of large matrix products of the same type on this machine.
        achieved_share: Rate of the search as a part of that.
        reference_median_s: Time along the reference path [s], in float32.
        reference_seconds: All its times [s].
        reference_flops: Its operations.
        reference_peak_memory_bytes: Its memory.
        ratio: Times that the search is faster than the reference path.
        max_abs_difference: Between predicted latents, from the same candidates.
        max_abs_reference: Largest magnitude of the reference's, to judge the difference by.
        elites_in_common: Part of the first iteration's elites that both paths choose.
        mean_difference_sigma: Largest difference of the final means, in units of the first
            standard deviation.
    """

    model: str
    machine: str
    median_s: float
    p95_s: float
    seconds: list[float]
    flops: int
    peak_memory_bytes: int | None
    matmul_flops_per_s: float
    achieved_share: float
    reference_median_s: float | None = None
    reference_seconds: list[float] | None = None
    reference_flops: int | None = None
    reference_peak_memory_bytes: int | None = None
    ratio: float | None = None
    max_abs_difference: float | None = None
    max_abs_reference: float | None = None
    elites_in_common: float | None = None
    mean_difference_sigma: float | None = None

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A search, once through: what it costs and what it finds."""

    flops: int
    memory: int | None
    outcome: Outcome


@torch.inference_mode()
def bench_plan(
    model: WorldModel,
    settings: PlanBenchSettings,
    device: torch.device,
    share: Callable[[CostFunction], CostFunction] = lambda cost: cost,
) -> PlanBenchResult:
    """Measure searches for a plan.

    Args:
        model: In eval mode, on `device`, in float32.
        settings: What to measure.
        device: Where it runs.
        share: Shares candidates out to several processes; for the search, not for the reference.

    Raises:
        ReferencePathError: The model has no reference path.
        SolverError: There is no CUDA device to record graphs on.
    """
    search = make_search(
        model,
        candidates=settings.candidates,
        horizon=settings.horizon,
        iterations=settings.iterations,
        seed=settings.seed,
        device=device,
        share=share,
    )
    fast = run_as(model, settings.execution)
    alone = dataclasses.replace(search, share=lambda cost: cost)
    slow = reference_path(model) if settings.reference else None
    runs: list[Callable[[], Outcome]] = [lambda: search.run(fast)]
    if slow is not None:
        runs.append(lambda: alone.run(slow, extra=True))
    passes = [_examine(run, device) for run in runs]
    warm_up = settings.warm_up
    if settings.graphs:
        graphed = dataclasses.replace(search, share=_recorded(share))
        runs[0] = lambda: graphed.run(fast)
        warm_up = max(warm_up, 1)  # the first search records
    timings = take_turns(runs, warm_up=warm_up, repeats=settings.repeats, device=device)
    rate = matmul_rate(device, TORCH_TYPES[settings.execution.dtype])
    result = PlanBenchResult(
        model=model.contract.name,
        machine=machine_name(device),
        median_s=timings[0].median_s,
        p95_s=timings[0].p95_s,
        seconds=list(timings[0].seconds),
        flops=passes[0].flops,
        peak_memory_bytes=passes[0].memory,
        matmul_flops_per_s=rate,
        achieved_share=passes[0].flops / timings[0].median_s / rate,
    )
    if slow is not None:
        result.reference_median_s = timings[1].median_s
        result.reference_seconds = list(timings[1].seconds)
        result.reference_flops = passes[1].flops
        result.reference_peak_memory_bytes = passes[1].memory
        result.ratio = timings[1].median_s / timings[0].median_s
        _compare(result, alone, (fast, slow), (passes[0].outcome, passes[1].outcome))
    return result


def _recorded(
    share: Callable[[CostFunction], CostFunction],
) -> Callable[[CostFunction], CostFunction]:
    """Return a way to make cost functions that records the first one, and gives that again."""
    made: list[CostFunction] = []

    def again(cost: CostFunction) -> CostFunction:
        if not made:
            made.append(share(GraphedCost(cost)))
        return made[0]

    return again


def _examine(run: Callable[[], Outcome], device: torch.device) -> _Pass:
    """Run once, unmeasured in time: it warms up, and tells operations, memory and outcome."""
    outcomes: list[Outcome] = []
    flops: list[int] = []

    def once() -> None:
        flops.append(count_flops(lambda: outcomes.append(run())))

    memory = peak_bytes(once, device)
    return _Pass(flops[0], memory, outcomes[0])


def _compare(
    result: PlanBenchResult,
    search: Search,
    models: tuple[WorldModel, WorldModel],
    outcomes: tuple[Outcome, Outcome],
) -> None:
    """Write down how far the two paths are apart."""
    distribution = search.distribution(models[0])
    generator = torch.Generator().manual_seed(search.seed)
    shape = (1, COMPARED, *distribution.mean.shape[1:])
    candidates = distribution.place(torch.randn(shape, generator=generator))
    ours, theirs = (search.predict(model, candidates).tokens for model in models)
    result.max_abs_difference = float((ours - theirs).abs().max())
    result.max_abs_reference = float(theirs.abs().max())
    count = search.settings.elites
    elites = [
        set(outcome.first_costs.topk(count, largest=False).indices.tolist())
        for outcome in outcomes
    ]
    result.elites_in_common = len(elites[0] & elites[1]) / count
    free = distribution.std[0] > 0
    shift = (outcomes[0].actions - outcomes[1].actions)[free] / distribution.std[0][free]
    result.mean_difference_sigma = float(shift.abs().max()) if shift.numel() else 0.0
