"""The visualizer node: what RViz shows of plans, boxes, goal, path and robot.

It needs no model and imports no torch, so it stays small and its own process; what needs the
model is drawn by the node `insight` beside it.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.duration import Duration
from sensor_msgs.msg import Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from jepa_wm_ros.nodes.marker_messages import encode_shape, encode_stamped, encode_transform
from jepa_wm_ros.nodes.visualizer_config import VisualizerConfig
from jepa_wm_ros.robot.description import BASE_FRAME, description_file, robot_description
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.cell_feed import CellFeed
from jepa_wm_ros.ros.conversions import encode_stamp, now_s
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.viz.cell_view import CellView
from jepa_wm_ros.viz.plots import cost_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builtin_interfaces.msg import Time

    from jepa_wm_ros.viz.shapes import Shape

_REPEAT_S = 1.0


class VisualizerNode(ManagedNode):
    """Publishes markers, paths, transforms and the cost plot, each only while somebody listens.

    Args:
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type: ClassVar[type] = VisualizerConfig

    def __init__(self, **kwargs: Any) -> None:
        self._said: dict[str, tuple[object, float]] = {}
        self._encoded: dict[float, PoseStamped] = {}
        self._times = LatencyMonitor()
        super().__init__('visualizer', **kwargs)

    def setup(self) -> None:
        """Read the robot's description, create the entities."""
        config: VisualizerConfig = self.config
        text = robot_description(description_file(config.urdf))
        tree = parse_link_tree(text, config.urdf or 'the robot description')
        view = CellView(tree=tree, base_frame=config.base_frame, joint_names=config.joint_names)
        self._feed = CellFeed(self, view, self.report)
        self._lifetime = Duration(seconds=config.marker_lifetime_s).to_msg()
        publish = self.create_lifecycle_publisher
        self._outputs = {
            'plan_markers': publish(MarkerArray, 'plan_markers', qos.latest()),
            'scene_markers': publish(MarkerArray, 'scene_markers', qos.latest()),
            'planned_path': publish(Path, 'planned_path', qos.latest()),
            'executed_path': publish(Path, 'executed_path', qos.latest()),
            'cost_image': publish(Image, 'cost_image', qos.latest()),
        }
        if config.publish_robot:
            self._description = publish(String, 'robot_description', qos.latched())
            self._fixed = publish(TFMessage, '/tf_static', qos.latched())
            self._outputs['/tf'] = publish(TFMessage, '/tf', qos.events())
            self._text = text
        self.create_timer(1.0 / config.display_rate_hz, self._tick)

    def start(self) -> None:
        """Tell late joiners of the robot, once and for all."""
        if not self.config.publish_robot:
            return
        self._description.publish(String(data=self._text))
        stamp = self.get_clock().now().to_msg()
        tree, frame = self._feed.view.tree, self.config.base_frame
        fixed = [(j.origin, j.parent, j.child) for j in tree.joints if j.kind == 'fixed']
        if frame not in {tree.root, *(joint.child for joint in tree.joints)}:
            fixed.append((Pose.identity(), BASE_FRAME, frame))  # another arm's name for its base
        self._fixed.publish(TFMessage(transforms=[encode_transform(*f, stamp) for f in fixed]))

    def diagnostics(self) -> list[Diagnostic]:
        """What is listened to, and what a round costs."""
        heard = ', '.join(name for name in getattr(self, '_outputs', {}) if self._heard(name))
        values = self._times.values('round') | {'heard': heard or 'nothing'}
        return [Diagnostic(name='display', values=values)]

    def _heard(self, topic: str) -> bool:
        output = self._outputs.get(topic)
        return output is not None and bool(output.get_subscription_count())

    def _tick(self) -> None:
        """Publish what has changed and is listened to; repeat it each second."""
        if not self.active:
            return
        started = time.perf_counter()
        self._feed.tick()
        stamp = self.get_clock().now().to_msg()
        view, changes = self._feed.view, self._feed.changes
        keys: dict[str, object] = {
            '/tf': None,
            'plan_markers': changes,
            'scene_markers': changes,
            'planned_path': changes,
            'executed_path': view.trail.count,
            'cost_image': len(view.costs.times_s),
        }
        for topic, key in keys.items():
            if self._due(topic, key):
                message = self._made(topic, stamp)
                if message is not None:
                    self._outputs[topic].publish(message)
        self._times.add(time.perf_counter() - started)

    def _due(self, topic: str, key: object) -> bool:
        """Whether somebody listens, and it has changed or not been said for a second."""
        if not self._heard(topic):
            self._said.pop(topic, None)  # who comes next shall not have to wait
            return False
        now_s = time.monotonic()
        before = self._said.get(topic)
        if before is not None and before[0] == key and now_s - before[1] < _REPEAT_S:
            return topic == '/tf'
        self._said[topic] = key, now_s
        return True

    def _made(self, topic: str, stamp: Time) -> Any:
        """Return the message for a topic; None when there is nothing to show."""
        view = self._feed.view
        if topic == '/tf':
            return self._transforms(stamp)
        if topic == 'scene_markers':
            return self._markers(view.scene_shapes(), stamp)
        if topic == 'executed_path':
            return self._executed_path(stamp)
        if topic == 'cost_image':
            return encode_image(cost_plot(view.costs), stamp=stamp)
        if view.plan is None or self._plan_age_s() > self.config.plan_display_s:
            return None
        if topic == 'plan_markers':
            return self._markers(view.plan_shapes(), stamp)
        return self._path([self._stamped(pose, stamp) for pose in view.plan.poses], stamp)

    def _plan_age_s(self) -> float:
        plan = self._feed.view.plan
        return math.inf if plan is None else now_s(self) - plan.stamp_s

    def _markers(self, shapes: Sequence[Shape], stamp: Time) -> MarkerArray:
        frame = self.config.base_frame
        return MarkerArray(
            markers=[encode_shape(shape, frame, stamp, self._lifetime) for shape in shapes]
        )

    def _stamped(self, pose: Pose, stamp: Time) -> PoseStamped:
        return encode_stamped(pose, self.config.base_frame, stamp)

    def _path(self, poses: list[PoseStamped], stamp: Time) -> Path:
        path = Path(poses=poses)
        path.header.frame_id, path.header.stamp = self.config.base_frame, stamp
        return path

    def _executed_path(self, stamp: Time) -> Path:
        """Return where the flange has been; what was encoded before is used again."""
        before = self._encoded
        self._encoded = {
            at_s: before.get(at_s) or self._stamped(pose, encode_stamp(at_s))
            for at_s, pose in self._feed.view.trail.path()
        }
        return self._path(list(self._encoded.values()), stamp)

    def _transforms(self, stamp: Time) -> TFMessage | None:
        """Return the moving joints; None before the first joint states."""
        view = self._feed.view
        if not view.joints:
            return None
        positions = view.tree.positions(view.joints)
        return TFMessage(
            transforms=[
                encode_transform(
                    joint.pose(positions[joint.name]), joint.parent, joint.child, stamp
                )
                for joint in view.tree.moving
            ]
        )


def main(args: list[str] | None = None) -> int:
    """Run the visualizer in a process of its own."""
    return spin(lambda context, _: [VisualizerNode(context=context)], args)


if __name__ == '__main__':
    raise SystemExit(main())
