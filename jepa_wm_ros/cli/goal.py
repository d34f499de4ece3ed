"""`jepa-wm goal`: goals for a graph that is already running, and goals that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.cli import goal_store
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from jepa_wm_ros.ros.client import GraphClient, Outcome

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

WAIT_S = 10.0


class GoalCommandError(JepaWmError):
    """What was typed does not make a goal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Targets:
    """Where to go: pictures of ours, or goals in the planner's store."""

    pictures: list[NDArray[np.uint8]]
    names: list[str]
    stored: str

    @property
    def label(self) -> str:
        """What to call it."""
        return self.stored or ' '.join(self.names)


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser('goal', help='show the arm where to go, and keep goals')
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='WHAT')
    connected = [
        _add_targets(kinds, 'send', 'go to where the camera sees what pictures show', run_send),
        _add_targets(kinds, 'preview', 'plan the whole way and show it; no motion', run_preview),
        _add(kinds, 'captured', 'go to the picture that `capture` has taken', run_send),
    ]
    connected[2].set_defaults(targets=[])
    for command in (connected[0], connected[2]):
        command.add_argument('--arm', action='store_true', help='arm the action publisher first')
    for command in connected:
        _add_budgets(command)
    connected += [
        _add(kinds, 'cancel', 'end the goal under way; the arm holds', run_cancel),
        _add(kinds, 'pause', 'stop the arm, keep goal and plan', run_pause),
        _add(kinds, 'resume', 'go on after a pause', run_resume),
        _add(kinds, 'home', 'move the joints to the home posture', run_home),
        _add(kinds, 'status', 'say what the safety supervisor says', run_status),
        goal_store.add_capture(kinds),
    ]
    for command in connected:
        _add_connection(command)
    goal_store.add_commands(kinds)


def _add(kinds: Subparsers, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command = kinds.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def _add_targets(kinds: Subparsers, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command = _add(kinds, name, text, run)
    command.add_argument(
        'targets',
        nargs='+',
        metavar='GOAL',
        help='PNG or JPEG as the camera would see it, or the name of a kept goal or sequence; '
        'several are visited in order',
    )
    return command


def _add_budgets(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        '--max-steps',
        type=_integers,
        metavar='N[,N...]',
        help="most steps, for all or for each goal: 4,10,4 (default: the goal's or the planner's)",
    )
    command.add_argument(
        '--reached-cost',
        type=_numbers,
        metavar='C[,C...]',
        default=[],
        help='latent distance that counts as reached, for all or for each (default: as above)',
    )
    command.add_argument('--name', default='', help='for logs (default: the file names)')


def _add_connection(command: argparse.ArgumentParser) -> None:
    command.add_argument('--namespace', default='', help='of the graph (default: none)')
    command.add_argument(
        '--wait',
        type=float,
        default=WAIT_S,
        metavar='S',
        help='how long to look for the graph and to wait for answers (default: %(default)g s)',
    )


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(',')]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(',')]


def run_send(args: argparse.Namespace) -> int:
    """Send a goal and show its progress; Ctrl-C cancels it. Exit code 0 if it was reached."""
    from rich.console import Console

    _check_budgets(args)
    targets = _targets(args)
    console = Console()
    with connect(args) as client:
        client.wait_until_ready(args.wait, simulated=False)
        if args.arm:
            client.arm(args.wait)
        try:
            outcome = _pursue(client, targets, args, console)
        except KeyboardInterrupt:
            console.print('cancelled; the arm holds')
            raise
    console.print(f'{outcome.code}: {outcome.message}', soft_wrap=True, markup=False)
    return 0 if outcome.code == 'REACHED' else 1


def run_preview(args: argparse.Namespace) -> int:
    """Have the whole way planned and published; nothing moves."""
    from rich.console import Console

    _check_budgets(args)
    targets = _targets(args)
    console = Console()
    with connect(args) as client, console.status('planning'):
        outcome = client.reach(
            targets.pictures,
            name=targets.stored or args.name or targets.label,
            names=targets.names,
            max_steps=args.max_steps,
            reached_costs=args.reached_cost,
            preview=True,
        )
    console.print(f'{outcome.code}: {outcome.message}', soft_wrap=True, markup=False)
    return 0 if outcome.code == 'PREVIEWED' else 1


def run_cancel(args: argparse.Namespace) -> int:
    """Cancel the goal under way."""
    with connect(args) as client:
        print(client.clear_goal())
    return 0


def run_pause(args: argparse.Namespace) -> int:
    """Pause the goal under way."""
    with connect(args) as client:
        print(client.pause(paused=True))
    return 0


def run_resume(args: argparse.Namespace) -> int:
    """Go on with the goal under way."""
    with connect(args) as client:
        print(client.pause(paused=False))
    return 0


def run_home(args: argparse.Namespace) -> int:
    """Cancel the goal under way, if there is one, and move to the home posture."""
    with connect(args) as client:
        client.free_arm()
        print(client.home())
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Print state and message of the safety supervisor."""
    with connect(args) as client:
        state, message = client.safety(args.wait)
    print(f'{state}: {message}' if message else state)
    return 0


def connect(args: argparse.Namespace) -> GraphClient:
    """Connect to the graph that the arguments name."""
    from jepa_wm_ros.ros.client import GraphClient

    return GraphClient(namespace=args.namespace, patience_s=args.wait)


def _check_budgets(args: argparse.Namespace) -> None:
    if args.max_steps is not None and min(args.max_steps) < 1:
        raise GoalCommandError(f'--max-steps must be at least 1, got {min(args.max_steps)}')
    if not all(cost > 0.0 for cost in args.reached_cost):
        raise GoalCommandError(f'--reached-cost must be above 0, got {min(args.reached_cost)}')


def _targets(args: argparse.Namespace) -> _Targets:
    """Read what was typed: files are read here, names are looked up by the planner."""
    from jepa_wm_ros.data.goals.pictures import PICTURES, read_picture

    paths = [Path(target) for target in args.targets]
    files = [path for path in paths if path.exists() or path.suffix.lower() in PICTURES]
    if files and len(files) < len(paths):
        others = ' '.join(str(path) for path in paths if path not in files)
        raise GoalCommandError(
            f'{others}: not a file; give either picture files or names of kept goals, not both '
            '(`jepa-wm goal capture NAME --file PICTURE` keeps a file)'
        )
    if files:
        names = [path.stem for path in files]
        return _Targets(pictures=[read_picture(path) for path in files], names=names, stored='')
    return _Targets(pictures=[], names=[], stored=' '.join(args.targets))


def _pursue(
    client: GraphClient, targets: _Targets, args: argparse.Namespace, console: Console
) -> Outcome:
    from jepa_wm_ros.ros.client import Progress

    with console.status('looking') as status:

        def show(progress: Progress) -> None:
            part = f'goal {progress.subgoal + 1}, ' if len(args.targets) > 1 else ''
            status.update(
                f'{part}step {progress.step}, latent distance {progress.cost:.3f} '
                f'(best {progress.best_cost:.3f}), {progress.elapsed_s:.1f} s'
            )

        return client.reach(
            targets.pictures,
            name=targets.stored or (args.name or targets.label if args.targets else ''),
            names=targets.names,
            max_steps=args.max_steps,
            reached_costs=args.reached_cost,
            on_progress=show,
        )
