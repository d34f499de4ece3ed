"""`jepa-wm bench`: how fast a model is, or the simulated cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    import torch
    from rich.table import Table

    from jepa_wm_ros.evaluation.bench.plan import PlanBenchResult, PlanBenchSettings
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

GIGA = 1e9


class BenchOptionError(JepaWmError):
    """An option that cannot be honoured."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    from pathlib import Path

    from jepa_wm_ros.cli.bench_cell import add_cell_parser
    from jepa_wm_ros.cli.bench_execution import add_execution_parser
    from jepa_wm_ros.cli.bench_faults import add_faults_parser
    from jepa_wm_ros.cli.bench_gate import add_gate_parser
    from jepa_wm_ros.cli.bench_jitter import add_jitter_parser
    from jepa_wm_ros.cli.bench_limits import add_limits_parser
    from jepa_wm_ros.cli.bench_soak import add_soak_parser
    from jepa_wm_ros.cli.bench_viz import add_viz_parser

    parser = subparsers.add_parser(
        'bench', help='measure how fast a model or the simulated cell is'
    )
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='KIND')
    plan = kinds.add_parser(
        'plan',
        help='time of one search for a plan',
        description='Measures searches by the cross-entropy method from one random picture to '
        'another, with encoded pictures. A preset gets random weights of the full size. Under '
        '`torchrun` the candidates are shared out to the processes.',
    )
    plan.add_argument('--model', required=True, metavar='PRESET_OR_BUNDLE')
    plan.add_argument('--candidates', type=int, help="default: the model's own setting")
    plan.add_argument('--horizon', type=int, help="steps ahead (default: the model's own setting)")
    plan.add_argument('--iterations', type=int, help="default: the model's own setting")
    plan.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N (default: cpu)')
    plan.add_argument('--dtype', choices=('fp32', 'bf16'), default='fp32', help='default: fp32')
    plan.add_argument(
        '--unpacked', action='store_true', help='leave weights in their ordinary order on a CPU'
    )
    plan.add_argument('--compile', action='store_true', help='compile blocks by torch.compile')
    plan.add_argument('--graphs', action='store_true', help='replay cost functions as CUDA graphs')
    plan.add_argument(
        '--memory-gb', type=float, default=0.0, help='for the tokens of candidates at once [GB]'
    )
    plan.add_argument(
        '--reference-path',
        action='store_true',
        help='measure the same search as published code runs it, taking turns',
    )
    plan.add_argument('--repeats', type=int, default=5, help='searches that count (default: 5)')
    plan.add_argument('--warm-up', type=int, default=0, help='searches before them (default: 0)')
    plan.add_argument('--threads', type=int, default=0, help="default: PyTorch's own")
    plan.add_argument('--seed', type=int, default=0, help='default: 0')
    plan.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    plan.set_defaults(run=run)
    add_cell_parser(kinds)
    add_execution_parser(kinds)
    add_faults_parser(kinds)
    add_gate_parser(kinds)
    add_jitter_parser(kinds)
    add_limits_parser(kinds)
    add_soak_parser(kinds)
    add_viz_parser(kinds)


def run(args: argparse.Namespace) -> int:
    """Measure; prints a table and writes the figures."""
    import torch

    from jepa_wm_ros.evaluation.bench.models import load_model
    from jepa_wm_ros.evaluation.bench.plan import bench_plan
    from jepa_wm_ros.evaluation.bench.team import team

    if args.threads:
        torch.set_num_threads(args.threads)
    with team(_device(args.device)) as (device, share, first):
        model = load_model(args.model, device, args.seed)
        settings = _settings(args, model.contract.planning)
        result = bench_plan(model, settings, device, share)
    if first:
        _report(result, settings, args.json)
    return 0


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BenchOptionError(f'--device takes cpu, cuda or cuda:N, got {name!r}') from error
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise BenchOptionError(f'--device {name}: PyTorch sees no CUDA device here; use cpu')
    return device


def _settings(args: argparse.Namespace, planning: PlanningSettings) -> PlanBenchSettings:
    """Return what to measure; what is not given is the model's own."""
    from jepa_wm_ros.evaluation.bench.plan import PlanBenchSettings
    from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings

    def given(value: int | None, own: int) -> int:
        return own if value is None else value

    try:
        return PlanBenchSettings(
            candidates=given(args.candidates, planning.samples),
            horizon=given(args.horizon, planning.horizon),
            iterations=given(args.iterations, planning.iterations),
            execution=ExecutionSettings(
                dtype=args.dtype,
                packed=not args.unpacked,
                compile=args.compile,
                memory_bytes=round(args.memory_gb * GIGA),
            ),
            reference=args.reference_path,
            graphs=args.graphs,
            warm_up=args.warm_up,
            repeats=args.repeats,
            seed=args.seed,
        )
    except ValueError as error:
        raise BenchOptionError(str(error)) from error


def _report(result: PlanBenchResult, settings: PlanBenchSettings, path: Path | None) -> None:
    from dataclasses import asdict

    import torch
    from rich.console import Console

    from jepa_wm_ros.evaluation.records import write_json

    console = Console()
    console.print(plan_table(result, settings))
    if path is not None:
        conditions = {**asdict(settings), 'threads': torch.get_num_threads()}
        write_json(path, {**result.as_mapping(), **conditions, 'torch': torch.__version__})
        console.print(f'  {path}', soft_wrap=True, highlight=False)


def plan_table(result: PlanBenchResult, settings: PlanBenchSettings) -> Table:
    """Return the figures, the reference path beside them where it was measured."""
    from rich.table import Table

    title = (
        f'{result.model}: {settings.candidates} candidates, horizon {settings.horizon}, '
        f'{settings.iterations} iterations; {result.machine}'
    )
    table = Table(title=title, title_justify='left', title_style='bold')
    table.add_column('')
    table.add_column(settings.execution.dtype, justify='right')
    other = result.reference_median_s is not None
    if other:
        table.add_column('reference path, fp32', justify='right')
    for row in _rows(result, settings):
        table.add_row(*row[: 3 if other else 2])
    return table


def _rows(result: PlanBenchResult, settings: PlanBenchSettings) -> list[tuple[str, str, str]]:
    from jepa_wm_ros.cli.tables import number

    reference = result.reference_seconds or []
    counted = f'{settings.repeats} ({settings.warm_up + 1})'
    rows = [
        (
            'median, s',
            number(result.median_s, 1, 4),
            number(result.reference_median_s, 1, 4),
        ),
        ('p95, s', number(result.p95_s, 1, 4), ''),
        ('range, s', _range(result.seconds), _range(reference)),
        ('searches (warm-up)', counted, counted),
        (
            'operations, GFLOP',
            number(result.flops, 1 / GIGA, 1),
            number(result.reference_flops, 1 / GIGA, 1),
        ),
        ('share of the matmul rate, %', number(result.achieved_share, 100, 0), ''),
        ('matmul rate, GFLOP/s', number(result.matmul_flops_per_s, 1 / GIGA, 0), ''),
        (
            'peak memory, GB',
            number(result.peak_memory_bytes, 1 / GIGA, 2),
            number(result.reference_peak_memory_bytes, 1 / GIGA, 2),
        ),
    ]
    if result.ratio is not None:
        rows += [
            ('times faster', number(result.ratio, 1, 2), ''),
            ('largest difference', f'{result.max_abs_difference:.2g}', ''),
            ('  of magnitudes up to', f'{result.max_abs_reference:.2g}', ''),
            ('elites in common, %', number(result.elites_in_common, 100, 0), ''),
            ('means apart, sigma', f'{result.mean_difference_sigma:.2g}', ''),
        ]
    return rows


def _range(seconds: list[float]) -> str:
    return f'{min(seconds):.4f} .. {max(seconds):.4f}' if seconds else ''
