"""Where the files live that are not code: `urdf/`, `config/`, `models/`, `launch/`, `rviz/`."""

import sys
from pathlib import Path

from jepa_wm_ros.errors import JepaWmError

PACKAGE = 'jepa_wm_ros'


class MissingFileError(JepaWmError):
    """A file that belongs to the package is neither in the checkout nor where it was installed."""


def share(*parts: str) -> Path:
    """Find a file or folder that the package ships.

    A source checkout (also an editable install) is asked first, then `<prefix>/share/jepa_wm_ros`
    of an installed package: both `pip install` and `colcon build` put the files there.

    Args:
        *parts: Path below the root, such as `'urdf', 'droid_cell.urdf'`; nothing gives the root.

    Returns:
        An absolute path that exists.

    Raises:
        MissingFileError: It exists in none of these places; the message names all of them.
    """
    tried = [root.joinpath(*parts) for root in _roots(Path(__file__).resolve())]
    for path in tried:
        if path.exists():
            return path
    places = ' nor '.join(str(path) for path in tried)
    raise MissingFileError(
        f'cannot find {"/".join(parts) or "the shared files"} of {PACKAGE}: neither {places} '
        'exists; install the package again (`make setup`, `pip install .` or `colcon build`)'
    )


def _roots(module: Path) -> list[Path]:
    """List the folders that may hold the shared files, the likeliest first."""
    checkout = module.parents[1]
    roots = [checkout] if (checkout / 'package.xml').is_file() else []
    # <prefix>/lib/python3.X/site-packages/jepa_wm_ros/paths.py, or Debian's local/lib/…: the
    # prefix is one of the parents, at a depth that depends on the installer.
    installed = [prefix / 'share' / PACKAGE for prefix in module.parents]
    found = [path for path in installed if path.is_dir()]
    return roots + (found or [Path(sys.prefix) / 'share' / PACKAGE])
