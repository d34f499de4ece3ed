"""`jepa-wm calibrate` on a running graph: the moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.evaluation.moves import ObservedMove
    from jepa_wm_ros.ros.calibration_file import Frames
    from jepa_wm_ros.ros.move_client import Look, MoveClient
    from jepa_wm_ros.worldmodel.protocol import WorldModel


class CalibrateError(JepaWmError):
    """The running graph is not what a calibration needs."""


def live_moves(
    args: argparse.Namespace, model: WorldModel, console: Console
) -> tuple[list[ObservedMove], Frames]:
    """Move the arm and return the moves, and in which frames they were seen and made.

    Raises:
        CalibrateError: The graph runs another bundle, or the arm must not move.
        GraphError: The graph does not answer, or the arm does not arrive.
    """
    from jepa_wm_ros.ros.calibration_file import Frames
    from jepa_wm_ros.ros.move_client import MoveClient

    with MoveClient(namespace=args.namespace) as client:
        _get_ready(client, args.arm)
        start = client.look()
        mine = model.contract.fingerprint
        if start.bundle != mine:
            raise CalibrateError(
                f'the encoder runs bundle {start.bundle}, this is {mine} ({model.contract.name}); '
                'name the same one with --model'
            )
        moves = _make_moves(client, start, args, model, console)
        return moves, Frames(camera=start.camera, base=client.base_frame)


def _get_ready(client: MoveClient, arm: bool) -> None:
    if arm:
        client.arm()
    state, message = client.safety()
    if state != 'ARMED':
        advice = {
            'DISARMED': 'arm it, or give --arm',
            'EXECUTING': 'a goal is under way: `jepa-wm goal cancel` first',
            'FAULT': f'{message}; reset the fault first',
        }[state]
        raise CalibrateError(f'the action publisher is {state}: {advice}')


def _make_moves(
    client: MoveClient, start: Look, args: argparse.Namespace, model: WorldModel, console: Console
) -> list[ObservedMove]:
    from jepa_wm_ros.cli.progress import progress_bar
    from jepa_wm_ros.evaluation.moves import ObservedMove, longest_move, targets
    from jepa_wm_ros.worldmodel.latent import Latent

    at, longest_m = start.pose.position, longest_move(model)
    found: list[ObservedMove] = []
    here = start
    with progress_bar('moves', 'moves', console) as bar:
        for target in targets(at, args.reach, longest_m, args.moves, args.seed):
            there = client.move(here, target, args.speed)
            went = there.pose.position - here.pose.position
            goal = Latent(tokens=there.latent.tokens, proprio=None)
            found.append(ObservedMove(here.latent, goal, went))
            here = there
            bar(len(found), args.moves)
        client.move(here, at, args.speed)
    return found
