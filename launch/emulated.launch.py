"""The same nodes as for a real arm, with emulated drivers of arm, gripper and camera.

ros2 launch jepa_wm_ros emulated.launch.py driver:=crisp
"""

from launch import LaunchDescription

from jepa_wm_ros.ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments of the system, and start its processes."""
    return describe('emulated')
