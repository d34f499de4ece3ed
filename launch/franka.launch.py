"""Encoder, planner and action publisher for a real Franka arm; moves nothing until dry_run:=false.

ros2 launch jepa_wm_ros franka.launch.py driver:=franka_ros2 camera:=realsense dry_run:=true
"""

from launch import LaunchDescription

from jepa_wm_ros.ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments of the system, and start its processes."""
    return describe('franka')
