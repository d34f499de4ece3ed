"""Settings that every test needs, made before anything heavy is imported."""

import os

import pytest

# Nobody else on the network shall hear a test, and no test shall hear them.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['MPLBACKEND'] = 'Agg'
# Tests run small models: threads would only get into each other's way.
os.environ.setdefault('OMP_NUM_THREADS', '1')


@pytest.fixture
def domain():
    """A DDS domain that nobody else on this machine uses, as long as the test runs."""
    from jepa_wm_ros.ros.domains import DomainLease

    lease = DomainLease()
    yield lease.domain_id
    lease.release()


@pytest.fixture
def graph(domain):
    """A ROS context on a DDS domain of its own, see `ros_graph.Graph`."""
    from ros_graph import Graph

    graph = Graph(domain)
    yield graph
    graph.close()
