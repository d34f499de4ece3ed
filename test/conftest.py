"""Settings that every test needs, made before anything heavy is imported."""

import os

import pytest

# Nobody else on the network shall hear a test, and no test shall hear them.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['MPLBACKEND'] = 'Agg'
# Tests run small models: threads would only get into each other's way.
os.environ.setdefault('OMP_NUM_THREADS', '1')


@pytest.fixture
def graph(request: pytest.FixtureRequest):
    """A ROS context on a DDS domain of its own, see `ros_graph.Graph`."""
    from ros_graph import Graph

    # the process id keeps test runs side by side apart; above 101 ports get scarce
    domain = 1 + (os.getpid() + hash(request.node.nodeid)) % 100
    graph = Graph(domain)
    yield graph
    graph.close()
