"""Make the CMake files of the ROS wheels name the headers of the Python that runs this script.

The wheels were built in a container whose Python lived in `/opt/python/cp3XX-cp3XX`, and their
exported CMake files still say so; `colcon build` needs the headers that are really here. Running
it twice changes nothing more.
"""

import re
import sys
import sysconfig
from pathlib import Path

import numpy as np

PYTHON_HEADERS = re.compile(r'/opt/python/[^/;"]+/include/python3\.\d+t?')
NUMPY_HEADERS = re.compile(r'/opt/python/[^;"]+/numpy/(?:_core|core)/include')


def main() -> int:
    """Rewrite every exported CMake file below `sys.prefix/share`."""
    headers = Path(sysconfig.get_path('include'))
    if not (headers / 'Python.h').is_file():
        print(f'{headers}/Python.h is missing: install the Python headers', file=sys.stderr)
        return 1
    for path in Path(sys.prefix, 'share').glob('*/cmake/*.cmake'):
        text = path.read_text(encoding='utf-8')
        mended = PYTHON_HEADERS.sub(str(headers), text)
        mended = NUMPY_HEADERS.sub(np.get_include(), mended)
        if mended != text:
            path.write_text(mended, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
