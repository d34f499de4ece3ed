"""The robot without ROS and without torch: poses, limits, kinematics, trajectories, safety."""
