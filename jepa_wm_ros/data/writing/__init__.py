"""Bags written without ROS: MCAP in the layout of rosbag2, its audit, and rescuing cut files."""
