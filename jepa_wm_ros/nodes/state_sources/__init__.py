"""State sources: what drivers say about the arm beside its joints, one module each."""

MODE_SOURCES = ('none', 'franka')
"""Who may say whether the robot may be moved (`robot_mode.py`)."""
POSE_SOURCES = ('joint_states', 'ee_pose', 'tf')
"""Where the pose of the flange comes from (`flange_pose.py`)."""
