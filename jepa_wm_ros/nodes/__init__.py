"""The ROS 2 nodes; one executable each."""

import sys

from jepa_wm_ros.errors import JepaWmError

try:
    # before the first import of rclpy, which ends the process when a variable is wrong
    from jepa_wm_ros.ros.environment import check_packages

    check_packages()
except JepaWmError as error:
    # a node is a program of its own: nobody else would say it on one line
    print(f'jepa_wm_ros: {error}', file=sys.stderr)
    raise SystemExit(error.exit_code) from error
