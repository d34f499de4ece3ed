"""Which topics of a bag could move something when they are published again.

What is no observation for certain counts as a command: a bag must not move an arm because a topic
of somebody's controller has a name that we have never seen. Imports no ROS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OBSERVATIONS = (
    # of sensors
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/CompressedImage',
    'sensor_msgs/msg/CameraInfo',
    'sensor_msgs/msg/PointCloud2?',
    'sensor_msgs/msg/(Multi)?(Echo)?LaserScan',
    'sensor_msgs/msg/Imu',
    'sensor_msgs/msg/(Range|MagneticField|Temperature|FluidPressure|RelativeHumidity)',
    'sensor_msgs/msg/(BatteryState|NavSatFix|NavSatStatus|Illuminance|TimeReference)',
    'stereo_msgs/msg/DisparityImage',
    'theora_image_transport/msg/Packet',
    'ffmpeg_image_transport_msgs/msg/FFMPEGPacket',
    # of the machinery
    'tf2_msgs/msg/TFMessage',
    'rosgraph_msgs/msg/Clock',
    'rcl_interfaces/msg/(Log|ParameterEvent)',
    'lifecycle_msgs/msg/TransitionEvent',
    'diagnostic_msgs/msg/Diagnostic(Array|Status)',
    'statistics_msgs/msg/MetricsMessage',
    'nav_msgs/msg/(Odometry|Path|OccupancyGrid)',
    'visualization_msgs/msg/(Marker|MarkerArray|ImageMarker|InteractiveMarker(Init|Update|Pose)?)',
    # of drivers and controllers
    'franka_msgs/msg/FrankaRobotState',
    'franka_msgs/msg/(Errors|CollisionIndicators|Elbow)',
    'moveit_msgs/msg/ServoStatus',
    # of our nodes, for people and displays only
    'jepa_wm_msgs/msg/(Plan|ExecutedAction|SafetyStatus)',
    # of whoever calls a message a state
    r'\w+/msg/\w*(States?|Status|Statistics|Diagnostics|Info)',
)
"""Types whose messages tell what is, as regular expressions."""

AMBIGUOUS = (
    'sensor_msgs/msg/(Multi(DOF|Dof))?JointState',
    r'geometry_msgs/msg/\w+',
    r'std_msgs/msg/\w+',
)
"""Types that tell what is, or what shall be: their name has to say which."""

FED = ('jepa_wm_msgs/msg/Latent', 'jepa_wm_msgs/msg/ObservationHealth')
"""Types that our own nodes act upon."""

STATE_WORDS = {
    *('state', 'states', 'status', 'current', 'measured', 'actual', 'observed', 'estimated'),
    *('external', 'sensed', 'tracked', 'odom', 'odometry', 'truth', 'executed', 'description'),
    *('statistics', 'diagnostics'),
}
"""Words in the name of what is."""

COMMAND_WORDS = {
    *('command', 'commands', 'commanded', 'cmd', 'cmds', 'target', 'targets', 'goal', 'goals'),
    *('setpoint', 'setpoints', 'set', 'desired', 'reference', 'references', 'jog', 'jogging'),
    *('teleop', 'trajectory', 'trajectories', 'request', 'requests', 'input', 'inputs', 'control'),
    *('leader', 'master', 'gello', 'haptic', 'operator'),  # arms that another one follows
    *('joy', 'deadman', 'ready', 'override', 'stop', 'estop', 'emergency', 'enable', 'reset'),
}
"""Words in the name of what shall be."""

POSES = ('ee_pose', 'ground_truth')
"""Names of measured poses that have no such word; of our simulated cell."""

EVENTS = ('std_msgs/msg/Empty',)
"""Types without content: that they come is what they say."""

TRANSPORTS = {'compressed', 'compressedDepth', 'theora', 'ffmpeg', 'zstd', 'draco', 'cloudini'}
"""What image_transport puts behind the name of a topic."""

_HIDDEN = ('_action', '_service_event')


def may_command(topic: str, kind: str) -> bool:
    """Whether messages on a topic could move something.

    Args:
        topic: Its full name.
        kind: Its type, such as `sensor_msgs/msg/Image`.
    """
    parts = [part for part in topic.split('/') if part]
    if not parts or any(part in _HIDDEN or part.endswith('_service_event') for part in parts):
        return True
    if _is_one_of(kind, (*FED, *EVENTS)):
        return True
    if parts[-1] in TRANSPORTS and len(parts) > 1:
        parts.pop()
    if _is_one_of(kind, AMBIGUOUS):
        if parts[-1] in POSES:
            return bool(_words(parts[:-1]) & COMMAND_WORDS)
        words = _words(parts)
        return bool(words & COMMAND_WORDS) or not words & STATE_WORDS
    if _words(kind.split('/')[-1:]) & {'set', 'target', 'goal', 'desired', 'command'}:
        return True
    if _is_one_of(kind, OBSERVATIONS):
        return bool(_words(parts[-1:]) & COMMAND_WORDS)
    return True


def _is_one_of(kind: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(pattern, kind) for pattern in patterns)


def _words(parts: Iterable[str]) -> set[str]:
    """The words in names: `deltaTwistCmds2` has delta, twist and cmds."""
    return {
        word.lower()
        for part in parts
        for word in re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+', part)
    }
