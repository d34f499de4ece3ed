"""`jepa-wm bag`: record, replay and evaluate bags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.cli import bag_eval, bag_plant, bag_play, bag_record

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-commands and their arguments."""
    parser = subparsers.add_parser(
        'bag', help='record, play and recover bags; evaluate models on them'
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    bag_record.add_parser(commands)
    bag_play.add_parser(commands)
    bag_eval.add_parser(commands)
    bag_plant.add_parser(commands)
