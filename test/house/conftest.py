import pytest
from source_tree import MODULES, ROOT


@pytest.fixture(scope='session')
def modules():
    return MODULES


@pytest.fixture(scope='session')
def root():
    return ROOT
