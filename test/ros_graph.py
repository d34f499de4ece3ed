"""Real rclpy contexts for tests, each on a DDS domain of its own."""

import time
from collections.abc import Callable

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions


class Graph:
    """A context, an executor, and waiting for conditions instead of sleeping."""

    def __init__(self, domain: int) -> None:
        self.domain = domain
        self.context = Context()
        rclpy.init(
            args=[],
            context=self.context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.executor = SingleThreadedExecutor(context=self.context)

    def node(self, name: str = 'tester'):
        """A plain node for the test's own end of topics and services."""
        return self.add(rclpy.create_node(name, context=self.context))

    def add(self, node):
        self.executor.add_node(node)
        return node

    def spin_until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f'not within {timeout_s} s: {condition}'
            self.executor.spin_once(timeout_sec=0.02)

    def result_of(self, future, timeout_s: float = 10.0):
        self.spin_until(future.done, timeout_s)
        return future.result()

    def close(self) -> None:
        for node in self.executor.get_nodes():
            node.destroy_node()
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)
