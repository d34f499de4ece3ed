"""What people look at, as plain data and pictures: no ROS, no torch, no browser."""
