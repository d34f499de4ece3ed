"""`jepa-wm goal capture|list|show|sequence|delete`: goals that are kept under names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.data.goals.goal import GoalPicture, GoalSequence, SequenceStep
    from jepa_wm_ros.data.goals.store import GoalStore

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

PREVIEW_COLUMNS = 64


class GoalStoreCommandError(JepaWmError):
    """What was typed does not make a goal to keep."""


def add_capture(kinds: Subparsers) -> argparse.ArgumentParser:
    """Add `capture`, which may need the running graph."""
    command = kinds.add_parser(
        'capture', help='keep a goal picture: from the camera, a file, a bag or a folder'
    )
    command.add_argument(
        'name',
        nargs='?',
        default='',
        metavar='NAME',
        help='under which it is kept; without one, the planner keeps it until the next capture',
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument('--file', type=Path, help='a picture file instead of the camera')
    source.add_argument('--bag', type=Path, help='a picture of a bag; needs --at')
    source.add_argument(
        '--directory', type=Path, help='all pictures of a folder, and NAME as their sequence'
    )
    command.add_argument('--at', type=float, metavar='S', help='seconds after its first picture')
    command.add_argument('--camera', default='', help='of the bag: a name of the mapping, a topic')
    command.add_argument('--mapping', type=Path, help='which topics of the bag are what')
    _add_store(command)
    command.set_defaults(run=run_capture)
    return command


def add_commands(kinds: Subparsers) -> None:
    """Add what works on the store alone."""
    listing = kinds.add_parser('list', help='list the goals that are kept')
    listing.set_defaults(run=run_list)
    show = kinds.add_parser('show', help='show a kept goal: its picture and what is known of it')
    show.add_argument('name', metavar='NAME')
    show.set_defaults(run=run_show)
    delete = kinds.add_parser('delete', help='forget a kept goal')
    delete.add_argument('name', metavar='NAME')
    delete.set_defaults(run=run_delete)
    sequence = kinds.add_parser('sequence', help='keep goals in order under one name')
    sequence.add_argument('name', metavar='NAME')
    sequence.add_argument(
        'steps',
        nargs='+',
        metavar='GOAL[:STEPS[:COST]]',
        help='name of a kept goal, most steps for it, latent distance that counts as reached',
    )
    sequence.set_defaults(run=run_sequence)
    for command in (listing, show, delete, sequence):
        _add_store(command)


def _add_store(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        '--store',
        default='',
        metavar='FOLDER',
        help='where goals are kept (default: $JEPA_WM_GOALS or ~/.local/share/jepa_wm/goals)',
    )


def run_capture(args: argparse.Namespace) -> int:
    """Keep a goal picture."""
    if (args.bag is None) != (args.at is None):
        raise GoalStoreCommandError('--bag and --at belong together: --bag FILE --at SECONDS')
    if args.directory is not None:
        return _capture_folder(args)
    if args.file is None and args.bag is None:
        return _capture_live(args)
    if not args.name:
        raise GoalStoreCommandError('give the NAME under which the picture is to be kept')
    about, picture = _read(args)
    print(f'kept {args.name!r} in {_store(args).save(args.name, about, picture)}')
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print a table of all goals."""
    from rich.console import Console
    from rich.table import Table

    store = _store(args)
    names = store.names()
    if not names:
        print(f'no goals in {store.folder}; `jepa-wm goal capture NAME` keeps one')
        return 0
    table = Table('name', 'what', 'size', 'steps', 'flange, m', 'from', title=str(store.folder))
    for name in names:
        table.add_row(name, *_row(store, name))
    Console().print(table)
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print a goal."""
    import yaml
    from rich.console import Console

    from jepa_wm_ros.worldmodel.schema import plain

    store = _store(args)
    about = store.about(args.name)
    console = Console()
    for leg in store.legs(args.name):
        console.print(leg.name, style='bold')
        console.print(_as_text(leg.picture))
    console.print(yaml.safe_dump(plain(about), sort_keys=False).rstrip(), markup=False)
    console.print(str(store.folder / args.name), soft_wrap=True, markup=False)
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Forget a goal."""
    _store(args).delete(args.name)
    print(f'deleted {args.name!r}')
    return 0


def run_sequence(args: argparse.Namespace) -> int:
    """Keep goals in order under one name."""
    from jepa_wm_ros.data.goals.goal import GoalSequence

    sequence = GoalSequence(steps=tuple(_step(text) for text in args.steps))
    print(f'kept {args.name!r} in {_store(args).save_sequence(args.name, sequence)}')
    return 0


def _store(args: argparse.Namespace) -> GoalStore:
    from jepa_wm_ros.data.goals.store import GoalStore, goal_folder

    return GoalStore(goal_folder(args.store))


def _capture_live(args: argparse.Namespace) -> int:
    from jepa_wm_ros.cli import goal

    if args.store:
        raise GoalStoreCommandError(
            'a picture of the camera is kept by the planner, in its own folder (its parameter '
            'goal_store): leave out --store'
        )
    with goal.connect(args) as client:
        print(client.capture_goal(args.name))
    return 0


def _capture_folder(args: argparse.Namespace) -> int:
    """Keep all pictures of a folder by their file names, and their sequence."""
    from jepa_wm_ros.data.goals.goal import GoalSequence, SequenceStep
    from jepa_wm_ros.data.goals.sources import goal_from_file, picture_files

    store = _store(args)
    files = picture_files(args.directory)
    for file in files:
        print(f'kept {file.stem!r} in {store.save(file.stem, *goal_from_file(file))}')
    if args.name:
        steps = tuple(SequenceStep(goal=file.stem) for file in files)
        print(f'kept {args.name!r} in {store.save_sequence(args.name, GoalSequence(steps=steps))}')
    return 0


def _read(args: argparse.Namespace) -> tuple[GoalPicture, NDArray[np.uint8]]:
    from jepa_wm_ros.data.goals.sources import goal_from_bag, goal_from_file

    if args.file is not None:
        return goal_from_file(args.file)
    return goal_from_bag(args.bag, args.at, mapping=args.mapping, camera=args.camera)


def _step(text: str) -> SequenceStep:
    from jepa_wm_ros.data.goals.goal import SequenceStep

    goal, *rest = text.split(':')
    try:
        steps = int(rest[0]) if rest and rest[0] else None
        cost = float(rest[1]) if len(rest) > 1 else None
    except ValueError:
        rest = ['', '', '']
    if len(rest) > 2:
        raise GoalStoreCommandError(
            f'{text!r} is no GOAL[:STEPS[:COST]], such as grasp:10 or grasp:10:0.2'
        )
    return SequenceStep(goal=goal, max_steps=steps, reached_cost=cost)


def _row(store: GoalStore, name: str) -> list[str]:
    """One line of the table; a damaged goal says so in its line."""
    from jepa_wm_ros.data.goals.goal import GoalSequence

    try:
        about = store.about(name)
    except JepaWmError as error:
        return ['damaged', '', '', '', str(error)]
    return _sequence_row(about) if isinstance(about, GoalSequence) else _picture_row(about)


def _sequence_row(about: GoalSequence) -> list[str]:
    budgets = ' '.join(
        '-' if step.max_steps is None else str(step.max_steps) for step in about.steps
    )
    return ['sequence', '', budgets, '', ' '.join(step.goal for step in about.steps)]


def _picture_row(about: GoalPicture) -> list[str]:
    steps = '-' if about.max_steps is None else str(about.max_steps)
    where = '-' if about.pose is None else ' '.join(f'{x:.3f}' for x in about.pose.position)
    size = f'{about.width}x{about.height}'
    return [about.origin, size, steps, where, about.source]


def _as_text(picture: NDArray[np.uint8]) -> Any:
    """A picture for the terminal: two of its pixels in each character."""
    import cv2
    from rich.text import Text

    height, width = picture.shape[:2]
    rows = max(1, round(PREVIEW_COLUMNS * height / width / 2))
    small = cv2.resize(picture, (PREVIEW_COLUMNS, 2 * rows), interpolation=cv2.INTER_AREA)
    text = Text()
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            text.append(
                '▀', style=f'rgb({",".join(map(str, above))}) on rgb({",".join(map(str, below))})'
            )
        text.append('\n')
    return text


def _colour(pixel: list[int]) -> str:
    return f'rgb({",".join(str(value) for value in pixel)})'
