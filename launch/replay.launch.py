"""A bag, played to encoder, planner and an action publisher that moves nothing.

ros2 launch jepa_wm_ros replay.launch.py bag:=bags/monday
"""

from launch import LaunchDescription

from jepa_wm_ros.ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments of the system, and start its processes."""
    return describe('replay')
