"""What our nodes share on the ROS side: node life cycle, parameters, messages, threads."""
