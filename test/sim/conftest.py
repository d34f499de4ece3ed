from collections.abc import Iterator

import pytest

from jepa_wm_ros.sim.environment import CellEnvironment


@pytest.fixture(scope='session')
def cell() -> Iterator[CellEnvironment]:
    """One environment for all tests that reset it: building it is the slow part."""
    with CellEnvironment() as environment:
        yield environment
