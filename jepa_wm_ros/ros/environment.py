"""What of the environment of a process would keep ROS from working, said on one line.

ROS answers a wrong variable with a traceback, with an end of the process while Python imports it,
or with a warning and another behaviour than the one asked for. Imports no ROS: it has to be asked
before the first import of `rclpy`, which is why the packages `ros` and `nodes` do so when they are
imported.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jepa_wm_ros.errors import JepaWmError

MOST_DOMAIN = 232
"""Greatest DDS domain: above it, port numbers do not suffice."""
RANGES = ('NOT_SET', 'OFF', 'LOCALHOST', 'SUBNET', 'SYSTEM_DEFAULT')
"""Words of ROS_AUTOMATIC_DISCOVERY_RANGE."""
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
SWITCHES = (
    'ROS_LOCALHOST_ONLY',
    'ROS_DISABLE_LOANED_MESSAGES',
    'RCUTILS_COLORIZED_OUTPUT',
    'RCUTILS_LOGGING_USE_STDOUT',
    'RCUTILS_LOGGING_BUFFERED_STREAM',
)
"""Variables that are 0 or 1."""
PACKAGES = ('rclpy', 'jepa_wm_msgs', 'sensor_msgs', 'trajectory_msgs')
"""Python packages without which no node of ours can be imported."""
_PROFILE_ROOTS = ('dds', 'profiles', 'log', 'types', 'library_settings')
_MIDDLEWARES = Path('share', 'ament_index', 'resource_index', 'rmw_typesupport')
_INDIRECT = 'rmw_implementation'


class EnvironmentMistake(JepaWmError):  # noqa: N818 (the environment's mistake, not ours)
    """A variable or folder of the environment with which ROS cannot work as asked."""

    exit_code = 2


def check_environment(environ: Mapping[str, str] | None = None) -> None:
    """Refuse an environment in which ROS would not work as asked.

    Args:
        environ: Variables; those of this process when None.

    Raises:
        EnvironmentMistake: Names the variable, what it is, and what is accepted.
    """
    found = os.environ if environ is None else environ
    _check_domain(found.get('ROS_DOMAIN_ID', ''))
    _check_middleware(found)
    _check_range(found.get('ROS_AUTOMATIC_DISCOVERY_RANGE', ''))
    for name in SWITCHES:
        if found.get(name, '') not in ('', '0', '1'):
            raise EnvironmentMistake(f'{name} must be 0 or 1, got {found[name]!r}')
    for name in PROFILE_VARIABLES:
        if found.get(name):
            _check_profile(name, Path(found[name]))
    _check_security(found)
    if found.get('TMPDIR'):
        _check_folder('TMPDIR', Path(found['TMPDIR']))
    _check_log_folder(found)


def check_packages(names: Sequence[str] = PACKAGES) -> None:
    """Refuse to go on without the Python packages of ROS and of our messages.

    Raises:
        EnvironmentMistake: Names those that are missing.
    """
    missing = [name for name in names if not _importable(name)]
    if missing:
        raise EnvironmentMistake(
            f'this needs the Python package {", ".join(missing)}, which is not installed here; '
            'source the workspace (ros2_ws/install/setup.bash), or run `make setup` in the '
            'checkout'
        )


def check_display(program: str, environ: Mapping[str, str] | None = None) -> None:
    """Refuse to start a program with windows where there is none, or no display.

    Raises:
        EnvironmentMistake: Says which of both.
    """
    found = os.environ if environ is None else environ
    if not (found.get('DISPLAY') or found.get('WAYLAND_DISPLAY')):
        raise EnvironmentMistake(
            f'{program} needs a display, but neither DISPLAY nor WAYLAND_DISPLAY is set; give '
            'rviz:=false, or use `jepa-wm view` in a browser'
        )
    if shutil.which(program, path=found.get('PATH')) is None:
        raise EnvironmentMistake(
            f'{program} is not installed here; give rviz:=false, or use `jepa-wm view` in a '
            'browser'
        )


def domain_of(text: str) -> int | None:
    """Read ROS_DOMAIN_ID; None when it is empty.

    Raises:
        EnvironmentMistake: It is no domain.
    """
    word = text.strip()
    if not word:
        return None
    if not (word.isascii() and word.isdigit()) or int(word) > MOST_DOMAIN:
        raise EnvironmentMistake(
            f'ROS_DOMAIN_ID must be a number from 0 to {MOST_DOMAIN}, got {text!r}'
        )
    return int(word)


def _check_domain(text: str) -> None:
    domain_of(text)


def _check_middleware(environ: Mapping[str, str]) -> None:
    """A middleware that is not there ends the process while Python imports rclpy."""
    asked = environ.get('RMW_IMPLEMENTATION', '')
    installed = _middlewares(environ)
    if asked and installed and asked not in installed:
        raise EnvironmentMistake(
            f'RMW_IMPLEMENTATION is {asked}, which is not installed here; installed: '
            f'{", ".join(installed)}'
        )
    expected = environ.get('RCL_ASSERT_RMW_ID_MATCHES', '')
    used = asked or (installed[0] if len(installed) == 1 else '')
    if expected and used and expected != used:
        raise EnvironmentMistake(
            f'RCL_ASSERT_RMW_ID_MATCHES is {expected}, but the middleware is {used}; unset it'
        )


def _middlewares(environ: Mapping[str, str]) -> list[str]:
    """The middlewares that are installed; empty when nobody knows."""
    words = environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    prefixes = [*(word for word in words if word), sys.prefix]
    names: set[str] = set()
    for prefix in prefixes:
        folder = Path(prefix) / _MIDDLEWARES
        try:
            names |= {entry.name for entry in folder.iterdir()}
        except OSError:
            continue
    return sorted(names - {_INDIRECT})


def _check_range(word: str) -> None:
    if word and word not in RANGES:
        raise EnvironmentMistake(
            f'ROS_AUTOMATIC_DISCOVERY_RANGE must be one of {", ".join(RANGES)}, got {word!r}; ROS '
            'would hear this computer only'
        )


def _check_profile(name: str, path: Path) -> None:
    """A profile that cannot be read is left out in silence, with the transports that it sets."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        raise EnvironmentMistake(
            f'{name} is {path}, which cannot be read: {error.strerror}; mend the path or unset it'
        ) from error
    except ElementTree.ParseError as error:
        raise EnvironmentMistake(f'{name} is {path}, which is not XML: {error}') from error
    tag = root.tag.rpartition('}')[2]
    if tag not in _PROFILE_ROOTS:
        raise EnvironmentMistake(
            f'{name} is {path}, which holds no profiles of Fast DDS: its first element is '
            f'<{tag}>, expected <dds> or <profiles>'
        )


def _check_security(environ: Mapping[str, str]) -> None:
    if environ.get('ROS_SECURITY_ENABLE') != 'true':
        return
    keystore = environ.get('ROS_SECURITY_KEYSTORE', '')
    if environ.get('ROS_SECURITY_STRATEGY') == 'Enforce' and not Path(keystore or '?').is_dir():
        raise EnvironmentMistake(
            f'ROS_SECURITY_ENABLE is true, but ROS_SECURITY_KEYSTORE {keystore or "(unset)"} is '
            'no folder'
        )


def _check_log_folder(environ: Mapping[str, str]) -> None:
    """Where ROS writes its logs: no node starts without."""
    for variable, below in (
        ('ROS_LOG_DIR', ()),
        ('ROS_HOME', ('log',)),
        ('HOME', ('.ros', 'log')),
    ):
        if environ.get(variable):
            start = Path(environ[variable])
            if environ[variable].startswith('~'):
                start = Path(environ.get('HOME', '/') + environ[variable][1:])
            _check_folder(variable, start.joinpath(*below), make=True)
            return
    raise EnvironmentMistake(
        'none of ROS_LOG_DIR, ROS_HOME and HOME is set, so that ROS cannot write its logs; set '
        'ROS_LOG_DIR to a folder'
    )


def _check_folder(variable: str, folder: Path, *, make: bool = False) -> None:
    hint = ' (or set ROS_LOG_DIR to another folder)' if make else ''
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        elif not folder.is_dir():
            raise NotADirectoryError(0, 'it is no folder')
    except OSError as error:
        raise EnvironmentMistake(
            f'{variable}: {folder} cannot be made or used: {error.strerror}; give a folder that '
            f'can be written{hint}'
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentMistake(
            f'{variable}: {folder} cannot be written; mend its permissions, or give another '
            f'folder{hint}'
        )


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
