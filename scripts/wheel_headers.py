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


def mend(text: str, python_headers: str, numpy_headers: str) -> str:
    """Put the paths of this machine's headers into the text of one CMake file."""
    text = PYTHON_HEADERS.sub(lambda _: python_headers, text)
    return NUMPY_HEADERS.sub(lambda _: numpy_headers, text)


def main() -> int:
    """Rewrite every exported CMake file below `sys.prefix/share`."""
    headers = Path(sysconfig.get_path('include'))
    if not (headers / 'Python.h').is_file():
        print(f'{headers}/Python.h is missing: install the Python headers', file=sys.stderr)
        return 1
    for path in Path(sys.prefix, 'share').glob('*/cmake/*.cmake'):
        text = path.read_text(encoding='utf-8')
        mended = mend(text, str(headers), np.get_include())
        if mended != text:
            path.write_text(mended, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
