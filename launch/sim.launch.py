"""The simulated cell with encoder, planner and action publisher.

ros2 launch jepa_wm_ros sim.launch.py
"""

from launch import LaunchDescription

from jepa_wm_ros.ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments of the system, and start its processes."""
    return describe('sim')
