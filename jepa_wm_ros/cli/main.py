"""The `jepa-wm` command: finds the sub-command and runs it."""

from __future__ import annotations

import argparse
import difflib
import errno
import importlib
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from jepa_wm_ros import __version__
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    'demo': 'a simulated arm reaches goal pictures over ROS 2; leaves a video and a summary',
    'up': 'bring up the cell, a real arm or a bag, where `ros2 launch` is missing',
    'calibrate': 'find the rotation between planned and executed motion, without a board',
    'goal': 'show the arm where to go, and keep goals',
    'view': 'see a running graph in a web browser, and push its buttons',
    'top': 'watch a running graph in the terminal',
    'eval': 'measure how well a model does',
    'collect': 'collect episodes in the simulated cell',
    'bag': 'record, play and recover bags; evaluate models on them',
    'dataset': 'make a dataset of recordings, look into one, or make bags of recordings',
    'train': 'train a world model',
    'head': 'train heads of a model, list them, or draw what a decoder makes of episodes',
    'study': 'train and evaluate every combination of some choices',
    'bench': 'measure how fast a model or the simulated cell is',
    'models': 'list the published models that are known, and the bundles that are here',
    'download': 'fetch a published model and make a bundle of it',
    'import': 'make a bundle of a published checkpoint',
    'explain': 'what a model has understood of the arm, in figures, pictures and words',
    'inspect': 'say what a bundle takes and gives, and see whether it predicts',
    'fabricate': 'make files like published ones with random weights, or try presets with them',
    'doctor': 'look for what could be wrong on this machine, and in a running graph',
}
"""Sub-commands, each in `jepa_wm_ros/cli/<name>.py`, with what `jepa-wm --help` says about it."""

MODULES = {'import': 'importing'}
"""Modules of the sub-commands whose names no module can have."""

DISK_ERRORS = {
    errno.ENOSPC: 'make room, or write elsewhere with --out',
    errno.EDQUOT: 'make room, or write elsewhere with --out',
    errno.EFBIG: 'make room, or write elsewhere with --out',
    errno.EROFS: 'write elsewhere with --out',
    errno.EACCES: 'write elsewhere with --out, or mend the permissions',
}
"""What to do about errors that are the disk's, not ours."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


class _Parser(argparse.ArgumentParser):
    """Says what is accepted, and what was probably meant, when an argument is wrong.

    A command takes its words and options in any order: `up sim --print dry_run:=true` as well as
    `up sim dry_run:=true --print`, which argparse alone refuses.
    """

    _sorting = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, with options and positional arguments in any order."""
        commands = any(isinstance(a, argparse._SubParsersAction) for a in self._actions)
        if commands or self._sorting:
            return super().parse_known_args(args, namespace)
        self._sorting = True  # it asks this method for its two rounds
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._sorting = False

    def error(self, message: str) -> NoReturn:
        """Print the error and how to get help; exit code 2."""
        print(f'{self.prog}: {message}', file=sys.stderr)
        print(f'Try: {self.prog} --help', file=sys.stderr)
        raise SystemExit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments after the command's name; None takes the process's own.

    Returns:
        Exit code: 0 all is well, 1 an error that is printed on one line, 2 wrong arguments or a
        wrong environment, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parse(words)
        return int(args.run(args))
    except JepaWmError as error:
        print(f'jepa-wm: {error}', file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        package = (error.name or '').partition('.')[0]
        if package in ('', 'jepa_wm_ros'):
            raise
        place = _place(package) if error.name != package else ''
        found = f'found at {place} without {error.name}' if place else 'not installed here'
        advice = (
            'PYTHONPATH may hide the right one' if place else 'run `make setup` in the checkout'
        )
        print(
            f'jepa-wm: this needs the Python package {package!r}, which is {found}; '
            f'{advice}, or see `jepa-wm doctor`',
            file=sys.stderr,
        )
        return 1
    except ImportError as error:
        if (error.name or '').partition('.')[0] == 'jepa_wm_ros':
            raise
        print(
            f'jepa-wm: a Python package cannot be imported: {" ".join(str(error).split())}; '
            'PYTHONPATH may hide the right one, or see `jepa-wm doctor`',
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:
        # The reader of our output went away (`jepa-wm … | head`): nobody is left to tell.
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        where = f' ({error.filename})' if error.filename else ''
        print(f'jepa-wm: {error.strerror}{where}: {DISK_ERRORS[error.errno]}', file=sys.stderr)
        return 1
    except Exception as error:
        # an error of ROS itself; its class is private, and rclpy is not imported here
        if type(error).__name__ != 'RCLError':
            raise
        from jepa_wm_ros.ros.joining import one_line

        print(f'jepa-wm: ROS refuses: {one_line(error)}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('jepa-wm: interrupted', file=sys.stderr)
        return INTERRUPTED


def _place(package: str) -> str:
    """Where a package is that has been imported; empty when it was not."""
    module = sys.modules.get(package)
    return str(getattr(module, '__file__', '') or '')


def module_name(command: str) -> str:
    """Return the module of a sub-command."""
    return f'jepa_wm_ros.cli.{MODULES.get(command, command)}'


def _parse(words: list[str]) -> argparse.Namespace:
    """Parse the arguments with the one sub-command imported that is called for."""
    parser = _Parser(
        prog='jepa-wm',
        description='Plan with a JEPA world model and move a Franka arm to what a picture shows.',
        epilog='More about a command: jepa-wm COMMAND --help',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    subparsers = parser.add_subparsers(metavar='COMMAND', required=True)
    called = next((word for word in words if not word.startswith('-')), None)
    if called is not None and called not in COMMANDS:
        parser.error(_unknown(called))
    for name, help_line in COMMANDS.items():
        if name == called:
            importlib.import_module(module_name(name)).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=help_line)
    if not words:
        parser.print_help(sys.stderr)
        raise SystemExit(2)
    return parser.parse_args(words)


def _unknown(command: str) -> str:
    """Say which commands exist, the nearest first."""
    near = difflib.get_close_matches(command, COMMANDS, n=1)
    meant = f'; did you mean {near[0]!r}?' if near else ''
    return f'unknown command {command!r}{meant} The commands are: {", ".join(COMMANDS)}'


if __name__ == '__main__':
    sys.exit(main())
