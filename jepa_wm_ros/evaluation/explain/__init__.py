"""What a model has understood of the robot, and what not: measured, drawn and said in words."""
