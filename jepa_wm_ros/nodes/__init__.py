"""The ROS 2 nodes; one executable each."""
