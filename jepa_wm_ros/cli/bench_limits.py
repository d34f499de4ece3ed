"""`jepa-wm bench limits`: do commands for random plans keep the limits of the robot's joints?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

    from jepa_wm_ros.evaluation.bench.limits import LimitFigures

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_limits_parser(kinds: Subparsers) -> None:
    """Add the arguments."""
    parser = kinds.add_parser(
        'limits',
        help='speed, acceleration and jerk of the joints for random plans',
        description='Sends random plans, many of them beyond every limit, through the executor '
        'on a clock of its own, cancels every third on the way, and compares the commands with '
        'the published limits of the joints. Exit code 1 when one is exceeded.',
    )
    parser.add_argument('--plans', type=int, default=1000, help='for each table (default: 1000)')
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; print a table and write the figures."""
    from rich.console import Console

    from jepa_wm_ros.evaluation.bench.limits import random_plans
    from jepa_wm_ros.evaluation.records import write_json
    from jepa_wm_ros.robot.limits import FER, FR3, FR3_FULL

    tables = {'FER': FER, 'FR3': FR3, 'FR3, all positions': FR3_FULL}
    found = {name: random_plans(table, args.plans, args.seed) for name, table in tables.items()}
    Console().print(limits_table(found))
    if args.json is not None:
        write_json(args.json, {name: _plain(figures) for name, figures in found.items()})
    return 0 if all(figures.stream.worst <= 1.0 for figures in found.values()) else 1


def limits_table(found: dict[str, LimitFigures]) -> Table:
    """Return the figures for people."""
    from rich.table import Table

    table = Table(title='commands for random plans', title_justify='left', title_style='bold')
    table.add_column('')
    for name in found:
        table.add_column(name, justify='right')
    rows = [_plain(figures) for figures in found.values()]
    for key in rows[0]:
        table.add_row(key.replace('_', ' '), *(str(row[key]) for row in rows))
    return table


def _plain(figures: LimitFigures) -> dict[str, float]:
    """Return the figures as plain numbers."""
    stream = figures.stream
    return {
        'plans': figures.plans,
        'refused': figures.refused,
        'stopped_on_the_way': figures.stopped,
        'faults': figures.faults,
        'commands': stream.commands,
        'highest_share_of_joint_speed': round(float(stream.speed.max()), 3),
        'highest_share_of_joint_acceleration': round(float(stream.acceleration.max()), 3),
        'highest_share_of_joint_jerk': round(float(stream.jerk.max()), 3),
        'longest_jump_rad': round(stream.jump_rad, 6),
    }
