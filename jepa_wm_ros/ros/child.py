"""Runs a node's process so that it never outlives the program that started it.

`python -m jepa_wm_ros.ros.child <node> <pid of the parent> [ROS arguments]`, or with `--` in place
of the node and a command in place of the arguments, for programs that are not ours.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
import threading
import time
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_GRACE_S = 8.0
_PERIOD_S = 0.5


def tie_to_parent(parent: int) -> None:
    """End this process in an orderly way when its parent dies, and by force if it does not end.

    Args:
        parent: Process id that the parent had when it started us.
    """
    _hear_of_death(parent)
    threading.Thread(target=_outlive_briefly, args=(parent,), daemon=True).start()


def _hear_of_death(parent: int) -> None:
    """Get SIGTERM when the parent dies; a program that replaces this one keeps that."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask to be told
        raise SystemExit(1)


def become(command: list[str], parent: int) -> NoReturn:
    """Replace this process by a program that ends with its parent."""
    _hear_of_death(parent)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f'cannot start {command[0]}: {error.strerror}', file=sys.stderr)
        raise SystemExit(127) from error


def _outlive_briefly(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PERIOD_S)
    time.sleep(_GRACE_S)
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Run the `main` of a node's module, or another program."""
    node, parent, *rest = arguments
    if node == '--':
        become(rest, int(parent))
    tie_to_parent(int(parent))
    module = importlib.import_module(f'jepa_wm_ros.nodes.{node}')
    # ROS reads the name of the program from the first argument
    return int(module.main([node, *rest]))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
