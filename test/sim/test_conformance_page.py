"""docs/conformance.md: every line has a test, and every test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = [
    line
    for line in (ROOT / 'docs' / 'conformance.md').read_text().splitlines()
    if line.startswith('| ') and not line.startswith('| situation')
]


def named_in(line):
    return re.findall(r'`(test_\w+)`', line.rsplit('|', 2)[1])


def test_there_are_lines():
    assert len(LINES) > 50


def test_every_line_has_a_test():
    assert [line for line in LINES if not named_in(line)] == []


def test_every_test_that_is_named_exists():
    found = {
        name
        for folder in ('sim', 'nodes')
        for path in (ROOT / 'test' / folder).glob('test_*.py')
        for name in re.findall(r'^def (test_\w+)', path.read_text(), re.M)
    }
    assert {name for line in LINES for name in named_in(line)} - found == set()
