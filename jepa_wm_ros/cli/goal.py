"""`jepa-wm goal`: goals for a graph that is already running."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from jepa_wm_ros.ros.client import GraphClient, Outcome

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

READY_S = 5.0


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('goal', help='send a goal picture to a running planner')
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='WHAT')
    send = kinds.add_parser('send', help='go to where the camera sees what pictures show')
    send.add_argument(
        'pictures',
        type=Path,
        nargs='+',
        metavar='PICTURE',
        help='PNG or JPEG as the camera would see it; several are visited in order',
    )
    _add_goal_options(send)
    send.set_defaults(run=run_send)
    captured = kinds.add_parser('captured', help='go to the picture that `capture` has taken')
    _add_goal_options(captured)
    captured.set_defaults(run=run_send, pictures=[])
    capture = kinds.add_parser('capture', help='make what the camera sees now the goal picture')
    capture.set_defaults(run=run_capture)
    cancel = kinds.add_parser('cancel', help='end the goal under way; the arm holds')
    cancel.set_defaults(run=run_cancel)
    status = kinds.add_parser('status', help='say what the safety supervisor says')
    status.set_defaults(run=run_status)
    for kind in (send, captured, capture, cancel, status):
        kind.add_argument('--namespace', default='', help='of the graph (default: none)')


def _add_goal_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--max-steps', type=int, help="for each picture (default: the planner's)")
    parser.add_argument('--name', default='', help='for logs (default: the file names)')
    parser.add_argument('--arm', action='store_true', help='arm the action publisher first')


def run_send(args: argparse.Namespace) -> int:
    """Send a goal and show its progress; Ctrl-C cancels it. Exit code 0 if it was reached."""
    from rich.console import Console

    from jepa_wm_ros.data.goals.pictures import read_picture
    from jepa_wm_ros.errors import JepaWmError

    if args.max_steps is not None and args.max_steps < 1:
        raise JepaWmError(f'--max-steps must be at least 1, got {args.max_steps}')
    pictures = [read_picture(path) for path in args.pictures]
    console = Console()
    with _client(args) as client:
        client.wait_until_ready(READY_S, simulated=False)
        if args.arm:
            client.arm()
        name = args.name or ' '.join(path.stem for path in args.pictures)
        try:
            outcome = _pursue(client, pictures, name, args.max_steps, console)
        except KeyboardInterrupt:
            console.print('cancelled; the arm holds')
            raise
    console.print(f'{outcome.code}: {outcome.message}', soft_wrap=True, markup=False)
    return 0 if outcome.code == 'REACHED' else 1


def run_capture(args: argparse.Namespace) -> int:
    """Take the goal picture from the camera."""
    with _client(args) as client:
        print(client.capture_goal())
    return 0


def run_cancel(args: argparse.Namespace) -> int:
    """Cancel the goal under way."""
    with _client(args) as client:
        print(client.clear_goal())
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Print state and message of the safety supervisor."""
    with _client(args) as client:
        state, message = client.safety()
    print(f'{state}: {message}' if message else state)
    return 0


def _client(args: argparse.Namespace) -> GraphClient:
    from jepa_wm_ros.ros.client import GraphClient

    return GraphClient(namespace=args.namespace)


def _pursue(
    client: GraphClient,
    pictures: list,
    name: str,
    max_steps: int | None,
    console: Console,
) -> Outcome:
    from jepa_wm_ros.ros.client import Progress

    with console.status('looking') as status:

        def show(progress: Progress) -> None:
            status.update(
                f'step {progress.step}, latent distance {progress.cost:.3f} '
                f'(best {progress.best_cost:.3f}), {progress.elapsed_s:.1f} s'
            )

        return client.reach(pictures, name=name, max_steps=max_steps, on_progress=show)
