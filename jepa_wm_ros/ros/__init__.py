"""What our nodes share on the ROS side: node life cycle, parameters, messages, threads."""

from jepa_wm_ros.ros.environment import check_environment

check_environment()
