"""RViz and the visualizer, for a graph that runs already.

ros2 launch jepa_wm_ros viz.launch.py
"""

from launch import LaunchDescription

from jepa_wm_ros.ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments of the system, and start its processes."""
    return describe('viz')
