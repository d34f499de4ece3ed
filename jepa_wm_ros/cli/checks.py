"""What `jepa-wm doctor` looks at; each check is a function that returns a finding."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros import paths
from jepa_wm_ros.cli.findings import Finding, Level
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_TIMEOUT_S = 60.0
LEAST_DISK_MB = 500
LEAST_SHARED_MEMORY_MB = 100
_SHARED = re.compile(r'/(fastrtps_port\d+)\b')
_SETUP = 'run `make setup` in the checkout'


def check_python() -> Finding:
    """Which Python is this?"""
    return Finding(Level.GOOD, f'{platform.python_version()} at {sys.executable}')


def check_arrays() -> Finding:
    """Do NumPy, OpenCV and, where it exists, cv_bridge work together?"""
    code = (
        'import cv2, numpy as np; print(f"numpy {np.__version__}, opencv {cv2.__version__}");'
        'cv2.resize(np.zeros((8, 8, 3), np.uint8), (4, 4))'
    )
    arrays = probe(code, advice=_SETUP)
    if arrays.level is not Level.GOOD:
        return arrays
    bridge = probe(
        'from cv_bridge import CvBridge; import numpy as np;'
        'CvBridge().cv2_to_imgmsg(np.zeros((8, 8, 3), np.uint8), "rgb8"); print("works")'
    )
    if bridge.level is Level.GOOD:
        return Finding(Level.GOOD, f'{arrays.found}, cv_bridge works')
    if 'No module named' in bridge.found:
        return Finding(Level.GOOD, f'{arrays.found}, no cv_bridge (not needed)')
    return Finding(Level.DOUBTFUL, f'{arrays.found}, cv_bridge fails: {bridge.found}')


def check_torch() -> Finding:
    """Does PyTorch import and compute?"""
    return probe(
        'import torch; torch.ones(2, 2) @ torch.ones(2, 2);'
        'gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU";'
        'print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {gpu}")',
        advice=_SETUP,
    )


def check_rendering() -> Finding:
    """Can the simulated cell render pictures without a screen?"""
    return probe(
        'from jepa_wm_ros.sim import backend; backend.import_mujoco();'
        'context = backend.open_context(64, 36); context.free();'
        'import os, mujoco; print(f"mujoco {mujoco.__version__}, {os.environ[backend.VARIABLE]}")',
        advice='install libegl1 and libgl1-mesa-dri; only the simulator needs it',
    )


def check_video() -> Finding:
    """Can videos be written that browsers play?"""
    if shutil.which('ffmpeg'):
        return Finding(Level.GOOD, 'ffmpeg writes H.264')
    return Finding(
        Level.DOUBTFUL,
        'no ffmpeg: videos are MPEG-4, which VLC plays, but browsers do not',
        'sudo apt install ffmpeg',
    )


def check_rclpy() -> Finding:
    """Is there a ROS 2 client library?"""
    where = 'of PyPI' if not os.environ.get('ROS_DISTRO') else os.environ['ROS_DISTRO']
    advice = f'source /opt/ros/<distro>/setup.bash, or {_SETUP} and source scripts/env.sh'
    return probe(f'import rclpy; print("rclpy {where}")', advice=advice)


def check_distribution() -> Finding:
    """Which ROS 2 is this, and what is wrong with it that is known?"""
    from jepa_wm_ros.ros.distributions import distribution, rclpy_version

    version = rclpy_version()
    if version is None:
        return Finding(Level.BAD, 'rclpy is not installed', _SETUP)
    found = distribution(version)
    if found is None:
        return Finding(
            Level.DOUBTFUL,
            f'rclpy {version} is of no distribution that was tested',
            'Humble, Jazzy, Kilted and Lyrical are supported',
        )
    words = f'{found.name} (rclpy {version})'
    if found.bugs:
        words += '; known and worked around: ' + '; '.join(found.bugs)
    if found.advice:
        return Finding(Level.DOUBTFUL, words, found.advice)
    return Finding(Level.GOOD, words)


def check_rmw() -> Finding:
    """Which middleware carries the messages?"""
    return probe(
        'from rclpy.utilities import get_rmw_implementation_identifier as name;'
        'import rclpy; rclpy.init(); print(name()); rclpy.shutdown()',
        advice='install the package of RMW_IMPLEMENTATION, or unset that variable',
    )


def check_transport() -> Finding:
    """Do raw pictures of a usual camera arrive?"""
    return as_doubtful(
        probe(
            'import sys; from jepa_wm_ros.ros.loopback import main; sys.exit(main(["640x480"]))',
            advice='start camera drivers with FASTDDS_DEFAULT_PROFILES_FILE='
            f'{paths.share("config", "fastdds_shm.xml")}, or take image_transport:=compressed',
        )
    )


def as_doubtful(finding: Finding) -> Finding:
    """Return a problem as a warning: something works without it."""
    bad = finding.level is Level.BAD
    return Finding(Level.DOUBTFUL, finding.found, finding.advice) if bad else finding


def check_messages() -> Finding:
    """Are our messages built for this Python, and the ones this version needs?"""
    advice = 'build ros2_ws with colcon and source its install/setup.bash, or ' + _SETUP
    return probe(
        'from jepa_wm_msgs import action, msg, srv;'
        'needed = (msg.ExecutedAction, msg.Latent, msg.Plan, msg.SafetyStatus,'
        ' action.ExecuteActions, action.ReachGoal, srv.ResetCell, srv.SetGoal);'
        'print(f"jepa_wm_msgs, {len(needed)} interfaces")',
        advice=advice,
    )


def check_dds() -> Finding:
    """Do messages get from one process to another on this machine?"""
    if 'LARGE_DATA' in os.environ.get('FASTDDS_BUILTIN_TRANSPORTS', ''):
        return Finding(
            Level.BAD,
            'FASTDDS_BUILTIN_TRANSPORTS=LARGE_DATA',
            'unset it: a process with it hears nothing from one without it',
        )
    return probe(
        'import sys; from jepa_wm_ros.ros.loopback import main; sys.exit(main())',
        advice='look for a firewall on lo, an RMW_IMPLEMENTATION that is not installed, or a '
        'FASTDDS_DEFAULT_PROFILES_FILE that does not exist',
    )


def check_shared_memory() -> Finding:
    """Is /dev/shm large enough for pictures between processes?"""
    place = Path('/dev/shm')
    if not place.is_dir():
        return Finding(Level.DOUBTFUL, 'no /dev/shm', 'pictures go through UDP, which is slower')
    free = shutil.disk_usage(place).free // 2**20
    if free < LEAST_SHARED_MEMORY_MB:
        return Finding(
            Level.DOUBTFUL, f'{free} MB free in {place}', 'in Docker: run with --shm-size=512m'
        )
    left = left_behind(place)
    if left:
        return Finding(
            Level.DOUBTFUL,
            f'{len(left)} ports of killed processes in {place}',
            'Fast DDS looks at them again and again, and whole graphs stand still for a third of '
            f'a second: when no ROS runs here, rm {place}/fastrtps_* {place}/sem.fastrtps_*',
        )
    return Finding(Level.GOOD, f'{free} MB free in {place}')


def left_behind(place: Path, processes: Path = Path('/proc')) -> list[str]:
    """Return ports of Fast DDS in shared memory that belong to us and that no process has open.

    Args:
        place: Where shared memory is.
        processes: Where the system tells of processes.
    """
    mapped = set()
    for maps in processes.glob('[0-9]*/maps'):
        with contextlib.suppress(OSError):  # it ended, or is somebody else's
            mapped.update(_SHARED.findall(maps.read_text(errors='replace')))
    ports = [path for path in place.glob('fastrtps_port*') if path.name[13:].isdigit()]
    return sorted(path.name for path in ports if path.name not in mapped and _is_ours(path))


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(OSError):  # gone meanwhile
        return path.stat().st_uid == os.getuid()
    return False


def check_disk() -> Finding:
    """Is there room for results in the current folder?"""
    here = Path.cwd()
    free = shutil.disk_usage(here).free // 2**20
    if not os.access(here, os.W_OK):
        return Finding(Level.BAD, f'{here} is read-only', 'go to a folder that you may write to')
    if free < LEAST_DISK_MB:
        return Finding(Level.BAD, f'{free} MB free in {here}', 'free some space')
    return Finding(Level.GOOD, f'{free / 1024:.0f} GB free in {here}')


def check_models() -> Finding:
    """Are the shipped model bundles complete, and is each what its contract says?"""
    from jepa_wm_ros.worldmodel.bundle import load_contract

    try:
        folders = sorted(path for path in paths.share('models').iterdir() if path.is_dir())
        names = [f'{load_contract(f).name} ({load_contract(f).fingerprint})' for f in folders]
    except JepaWmError as error:
        return Finding(Level.BAD, str(error), 'get the file again: git checkout -- models')
    if not names:
        return Finding(Level.BAD, 'no bundle in models/', 'train one: jepa-wm train --help')
    return Finding(Level.GOOD, ', '.join(names))


CHECKS: tuple[tuple[str, Callable[[], Finding]], ...] = (
    ('Python', check_python),
    ('arrays and pictures', check_arrays),
    ('PyTorch', check_torch),
    ('rendering', check_rendering),
    ('videos', check_video),
    ('ROS 2', check_rclpy),
    ('distribution', check_distribution),
    ('middleware', check_rmw),
    ('messages', check_messages),
    ('DDS loopback', check_dds),
    ('large pictures', check_transport),
    ('shared memory', check_shared_memory),
    ('disk', check_disk),
    ('models', check_models),
)
"""Title and function of each check, in the order in which they are shown."""


def probe(code: str, *, advice: str = '') -> Finding:
    """Run a line of Python in a process of its own, which may crash or hang without harm.

    Args:
        code: What to run; the last line that it prints is what was found.
        advice: What to do when it fails.

    Returns:
        GOOD when it exits with 0 in time, else BAD with its last line of errors.
    """
    try:
        done = subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(Level.BAD, f'no answer within {PROBE_TIMEOUT_S:g} s', advice)
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1] if said else f'ended with code {done.returncode}'
    if done.returncode == 0:
        return Finding(Level.GOOD, last)
    return Finding(Level.BAD, last, advice)
