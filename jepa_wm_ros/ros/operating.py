"""A person in front of a running graph: sees it through a display, and pushes its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.cell_feed import ACTION_PUBLISHER, CellFeed
from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.images import decode_image
from jepa_wm_ros.ros.sampling import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.viz.cell_view import CellView

    TakePicture = Callable[[str, NDArray[np.uint8]], None]

LATCHED = ('goal_image',)
"""Pictures that are kept for who comes late."""


class Operator(GraphClient):
    """Commands with words for answers, for the buttons of a display.

    Args:
        kwargs: What `GraphClient` accepts.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stop = self.node.create_client(Trigger, 'stop')
        self._limits = self.node.create_client(SetParameters, f'{ACTION_PUBLISHER}/set_parameters')

    def capture(self) -> str:
        """Take what the camera sees as the goal."""
        return self.capture_goal()

    def send(self) -> str:
        """Go to the captured goal; returns when it has been reached or given up.

        Raises:
            GraphError: The goal is refused, or ended without success.
        """
        outcome = self.reach([], name='view')
        if outcome.code != 'REACHED':
            raise GraphError(f'{outcome.code}: {outcome.message}')
        return f'{outcome.message}; latent distance {outcome.final_cost:.3g}'

    def stop(self) -> str:
        """Hold and disarm at once."""
        return str(self._demand(self._stop, Trigger.Request(), 'stop').message)

    def speed(self, share: float) -> str:
        """Move at a share of the allowed speed, above 0 to 1.

        Raises:
            GraphError: The action publisher refuses it.
        """
        parameter = Parameter('speed_override', value=float(share)).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        (result,) = self._call(self._limits, request, 'set_parameters').results
        if not result.successful:
            raise GraphError(f'the speed was refused: {result.reason}')
        return f'speed {100 * share:.0f} %'


class Buttons:
    """An operator's commands as a display's buttons need them.

    Args:
        operator: Does it.
    """

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.capture, self.send = operator.capture, operator.send
        self.stop, self.speed, self.home = operator.stop, operator.speed, operator.home

    def pause(self, *, paused: bool) -> str:
        """Hold and plan no more, or go on."""
        return self._operator.pause(paused=paused)

    def arm(self, *, armed: bool) -> str:
        """Arm, without trying again, or disarm."""
        if armed:
            self._operator.arm(timeout_s=0.0)
            return 'armed'
        self._operator.disarm()
        return 'disarmed'

    def reset_fault(self) -> str:
        """Clear a latched fault."""
        self._operator.reset_fault()
        return 'the fault is cleared; arm to go on'


class Watching:
    """Feeds a display from the graph, as often as it looks.

    Args:
        operator: Whose node listens.
        view: Is filled in.
        rate_hz: Looks per second.
        topics: Pictures to bring while somebody watches.
        take_picture: Is given each picture with its topic.
        watched: Whether somebody watches.
        update: Called after each look, with the number of changes so far.
    """

    def __init__(
        self,
        operator: GraphClient,
        view: CellView,
        *,
        rate_hz: float,
        topics: Iterable[str],
        take_picture: TakePicture,
        watched: Callable[[], bool],
        update: Callable[[int], None],
    ) -> None:
        self._node = operator.node
        self._topics = tuple(topics)
        self._take, self._watched, self._update = take_picture, watched, update
        self._feed = CellFeed(self._node, view, self._tell)
        self._open: dict[str, tuple[Gate, Any]] = {}
        self._timer = self._node.create_timer(1.0 / rate_hz, self._look)

    def _tell(self, error: JepaWmError) -> None:
        self._node.get_logger().warning(str(error), throttle_duration_sec=5.0)

    def _look(self) -> None:
        """Look once; pictures cost their makers, so they are heard only while somebody watches."""
        try:
            self._feed.tick()
            if self._watched():
                self._listen()
            else:
                self._ignore()
            self._update(self._feed.changes)
        except JepaWmError as error:
            self._tell(error)

    def _listen(self) -> None:
        for topic in self._topics:
            if topic not in self._open:
                self._open[topic] = self._subscribe(topic)
            self._open[topic][0].open()

    def _ignore(self) -> None:
        for _, subscription in self._open.values():
            self._node.destroy_subscription(subscription)
        self._open.clear()

    def _subscribe(self, topic: str) -> tuple[Gate, Any]:
        gate = Gate()
        profile = qos.latched() if topic in LATCHED else qos.sensor()

        def take(message: Image) -> None:
            try:
                self._take(topic, decode_image(message))
            except JepaWmError as error:
                self._tell(error)

        return gate, self._node.create_subscription(
            Image, topic, take, profile, callback_group=gate
        )
