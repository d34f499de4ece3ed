"""The ROS side of emulated drivers: their topics, services, actions and qualities of service."""
