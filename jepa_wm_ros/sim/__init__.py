"""The simulated cell: a Franka arm, a gripper, a table and an exterior camera, without ROS."""
