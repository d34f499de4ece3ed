"""A tiny contract, so that tests of the planner take no time."""

import pytest
from contracts import SMALL


@pytest.fixture
def small_contract():
    return SMALL
