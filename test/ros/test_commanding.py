"""What of a bag could move something: by type and by name, and on doubt yes."""

import pytest

from jepa_wm_ros.ros.bringup import SAID_BEFORE
from jepa_wm_ros.ros.commanding import may_command

COMMANDS = [
    # of our backends and grippers, under the names of all drivers
    ('/joint_trajectory', 'trajectory_msgs/msg/JointTrajectory'),
    ('/fr3_arm_controller/joint_trajectory', 'trajectory_msgs/msg/JointTrajectory'),
    ('/target_pose', 'geometry_msgs/msg/PoseStamped'),
    ('/cartesian_compliance_controller/target_frame', 'geometry_msgs/msg/PoseStamped'),
    ('/servo_node/pose_target_cmds', 'geometry_msgs/msg/PoseStamped'),
    ('/servo_node/delta_twist_cmds', 'geometry_msgs/msg/TwistStamped'),
    ('/gripper_command', 'std_msgs/msg/Float64'),
    ('/robotiq_gripper_controller/command', 'std_msgs/msg/Float64'),
    ('/robotiq_gripper_controller/joint_trajectory', 'trajectory_msgs/msg/JointTrajectory'),
    # of other controllers and devices
    ('/forward_position_controller/commands', 'std_msgs/msg/Float64MultiArray'),
    ('/servo_node/delta_joint_cmds', 'control_msgs/msg/JointJog'),
    ('/joint_command', 'sensor_msgs/msg/JointState'),
    ('/target_joint', 'sensor_msgs/msg/JointState'),
    ('/gello/joints', 'sensor_msgs/msg/JointState'),
    ('/cmd_vel', 'geometry_msgs/msg/Twist'),
    ('/equilibrium_pose', 'geometry_msgs/msg/PoseStamped'),
    ('/target_wrench', 'geometry_msgs/msg/WrenchStamped'),
    ('/spacenav/twist', 'geometry_msgs/msg/Twist'),
    ('/joy', 'sensor_msgs/msg/Joy'),
    ('/deadman', 'std_msgs/msg/Bool'),
    ('/robot_ready', 'std_msgs/msg/Bool'),
    ('/speed_override', 'std_msgs/msg/Float64'),
    ('/urscript_interface/script_command', 'std_msgs/msg/String'),
    ('/lab/arm', 'lab_msgs/msg/ArmSetpoint'),
    # of actions and services
    ('/fr3_arm_controller/follow_joint_trajectory/_action/feedback',
     'control_msgs/action/FollowJointTrajectory_FeedbackMessage'),
    ('/fr3_arm_controller/follow_joint_trajectory/_action/status',
     'action_msgs/msg/GoalStatusArray'),
    ('/action_publisher/arm/_service_event', 'std_srvs/srv/SetBool_Event'),
    # what our nodes act upon, and goals
    ('/latent', 'jepa_wm_msgs/msg/Latent'),
    ('/image_health', 'jepa_wm_msgs/msg/ObservationHealth'),
    ('/goal_image', 'sensor_msgs/msg/Image'),
    ('/goal_pose', 'geometry_msgs/msg/PoseStamped'),
    # states in name or type only
    ('/desired_joint_states', 'sensor_msgs/msg/JointState'),
    ('/joint_states_command', 'sensor_msgs/msg/JointState'),
    ('/arm/TargetState', 'lab_msgs/msg/ArmState'),
    ('/gello/joint_states', 'sensor_msgs/msg/JointState'),
    ('/leader/joint_states', 'sensor_msgs/msg/JointState'),
    ('/goal_image/compressed', 'sensor_msgs/msg/CompressedImage'),
    ('/update_start_state', 'std_msgs/msg/Empty'),
    ('/new_state', 'lab_msgs/msg/SetState'),
]  # fmt: skip
OBSERVATIONS = [
    ('/image', 'sensor_msgs/msg/Image'),
    ('/zed/zed_node/rgb/color/rect/image/compressed', 'sensor_msgs/msg/CompressedImage'),
    ('/camera/camera/color/camera_info', 'sensor_msgs/msg/CameraInfo'),
    ('/goal_camera/image_raw', 'sensor_msgs/msg/Image'),
    ('/joint_states', 'sensor_msgs/msg/JointState'),
    ('/left/franka_gripper/joint_states', 'sensor_msgs/msg/JointState'),
    ('/measured_joints', 'sensor_msgs/msg/JointState'),
    ('/ee_pose', 'geometry_msgs/msg/PoseStamped'),
    ('/current_pose', 'geometry_msgs/msg/PoseStamped'),
    ('/ground_truth', 'geometry_msgs/msg/PoseStamped'),
    ('/franka_robot_state_broadcaster/robot_state', 'franka_msgs/msg/FrankaRobotState'),
    ('/franka_robot_state_broadcaster/external_wrench', 'geometry_msgs/msg/WrenchStamped'),
    ('/fr3_arm_controller/controller_state', 'control_msgs/msg/JointTrajectoryControllerState'),
    ('/servo_node/status', 'moveit_msgs/msg/ServoStatus'),
    ('/tf', 'tf2_msgs/msg/TFMessage'),
    ('/tf_static', 'tf2_msgs/msg/TFMessage'),
    ('/robot_description', 'std_msgs/msg/String'),
    ('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray'),
    ('/rosout', 'rcl_interfaces/msg/Log'),
    ('/plan', 'jepa_wm_msgs/msg/Plan'),
    ('/safety_status', 'jepa_wm_msgs/msg/SafetyStatus'),
    ('/planned_path', 'nav_msgs/msg/Path'),
    ('/scene_markers', 'visualization_msgs/msg/MarkerArray'),
    ('/camera/color/image_raw/compressed', 'sensor_msgs/msg/CompressedImage'),
    ('/compressed', 'sensor_msgs/msg/CompressedImage'),
]


@pytest.mark.parametrize(('topic', 'kind'), COMMANDS, ids=[t for t, _ in COMMANDS])
def test_what_could_move_something_is_known(topic, kind):
    assert may_command(topic, kind)
    assert may_command(f'/lab{topic}', kind)


@pytest.mark.parametrize(('topic', 'kind'), OBSERVATIONS, ids=[t for t, _ in OBSERVATIONS])
def test_what_is_seen_and_felt_is_played(topic, kind):
    assert not may_command(topic, kind)
    assert not may_command(f'/lab{topic}', kind)


def test_a_replay_leaves_out_more_than_commands():
    assert '*/safety_status' in SAID_BEFORE
