"""What a soak has shown: growth, constancy, missed deadlines. Plain Python, no ROS."""
