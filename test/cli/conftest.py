import pytest
from demo_process import DemoProcess


@pytest.fixture
def demo(tmp_path):
    """Starts demos; none of them outlives its test."""
    started = []

    def start(*options: str, **environment: str) -> DemoProcess:
        folder = tmp_path / f'demo{len(started)}'
        started.append(DemoProcess(folder, *options, **environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
