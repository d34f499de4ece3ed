"""The style checks that `make lint` runs, as tests."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    'command',
    [['ruff', 'check', '.'], ['ruff', 'format', '--check', '.'], ['mypy']],
    ids=' '.join,
)
def test_style_and_types_are_clean(command, root):
    done = subprocess.run(
        [sys.executable, '-m', *command], cwd=root, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
