"""The action publisher in front of emulated drivers, on real topics."""

import numpy as np
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import ObservationHealth, Plan, SafetyStatus
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.nodes.action_publisher import ActionPublisher
from jepa_wm_ros.nodes.driver_emulator import DriverEmulator
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_pose
from jepa_wm_ros.ros.spinning import autostart

CAMERA_S = 1 / 15
KINEMATICS = Kinematics()
HAND_TCP = {
    'tool_position': [0.0, 0.0, 0.1034],
    'tool_rotation': [0.0, 0.0, -0.785398163],
}
FR3 = {
    'joint_names': [f'fr3_joint{number}' for number in range(1, 8)],
    'base_frame': 'fr3_link0',
    'gripper_joint': 'fr3_finger_joint1',
    'gripper': 'franka_hand',
}
# All run in one thread, on a busy machine: half of the usual rates, and hardly any pictures.
SLOW_EMULATOR = {'joint_rate_hz': 50.0, 'camera_rate_hz': 0.1, 'hand': 'none'}
SLOW = {'command_rate_hz': 50.0, 'lookahead_s': 0.05}
PATIENT = {
    'max_joint_age_s': 0.5,
    'max_image_age_s': 1.0,
    'hold_floor_s': 0.8,
    'max_ready_age_s': 2.0,
    'max_plan_age_s': 10.0,
    'max_tracking_error_m': 0.3,
    'settle_timeout_s': 8.0,
}
SERVO = {'servo': 'switch', 'servo_linear_scale': 0.4, 'servo_rotational_scale': 0.8,
         'max_speed_m_s': 0.35, 'max_rotation_speed_rad_s': 0.7}  # fmt: skip
# By driver: parameters of the emulator, parameters of the action publisher.
DRIVERS = {
    'joint_trajectory': (
        {'controller': 'joint_trajectory'},
        {'backend': 'joint_trajectory', 'command_topic': 'fr3_arm_controller/joint_trajectory'},
    ),
    'joint_trajectory_action': (
        {'controller': 'joint_trajectory'},
        {
            'backend': 'joint_trajectory_action',
            'command_topic': 'fr3_arm_controller/follow_joint_trajectory',
        },
    ),
    'crisp': (
        {'controller': 'crisp', **HAND_TCP},
        {'backend': 'cartesian_pose', 'driver_pose_topic': 'current_pose', **HAND_TCP},
    ),
    'compliance': (
        {'controller': 'compliance'},
        {
            'backend': 'cartesian_pose',
            'command_topic': 'cartesian_compliance_controller/target_frame',
        },
    ),
    'servo_twist': (
        {'controller': 'servo', **HAND_TCP},
        {
            'backend': 'servo_twist',
            'command_topic': 'servo_node/delta_twist_cmds',
            **SERVO,
            **HAND_TCP,
        },
    ),
    'servo_pose': (
        {'controller': 'servo'},
        {'backend': 'cartesian_pose', 'command_topic': 'servo_node/pose_target_cmds', **SERVO},
    ),
    'servo_humble': (
        {'controller': 'servo_humble'},
        {
            'backend': 'servo_twist',
            'command_topic': 'servo_node/delta_twist_cmds',
            **(SERVO | {'servo': 'start'}),
        },
    ),
}


class DriverRig:
    """Both nodes, and the test as camera, planner and operator."""

    def __init__(self, graph, driver, *, emulator=None, publisher=None):
        self.graph = graph
        theirs, ours = DRIVERS[driver]
        theirs = {**SLOW_EMULATOR, **theirs, **(emulator or {})}
        ours = {**FR3, **SLOW, **PATIENT, 'gripper_driver': 'none', **ours, **(publisher or {})}
        self.emulator = self._add(DriverEmulator, theirs)
        self.publisher = self._add(ActionPublisher, ours)
        node = self.node = graph.node('lab')
        self.joints, self.statuses = {}, []
        node.create_subscription(
            JointState, 'joint_states', self._on_joints, qos_profile_sensor_data
        )
        node.create_subscription(
            SafetyStatus, 'safety_status', self.statuses.append, qos.latched()
        )
        self._health = node.create_publisher(ObservationHealth, 'image_health', 1)
        self._timer = node.create_timer(CAMERA_S, self._picture)
        self.client = ActionClient(node, ExecuteActions, 'execute')
        self._arm = node.create_client(SetBool, 'arm')
        self._reset = node.create_client(Trigger, 'reset_fault')
        graph.spin_until(
            lambda: (
                self.status is not None
                and max(self.status.joint_age_s, self.status.image_age_s) < 0.4
                and self.joints
                and self.client.server_is_ready()
                and self._arm.service_is_ready()
                and self._reset.service_is_ready()
            ),
            30.0,
        )

    def _add(self, kind, parameters):
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = self.graph.add(kind(context=self.graph.context, parameter_overrides=overrides))
        assert autostart(node)
        return node

    def _on_joints(self, message):
        self.joints = dict(zip(message.name, message.position, strict=True))

    def _picture(self):
        message = ObservationHealth()
        message.header.stamp = self.node.get_clock().now().to_msg()
        self._health.publish(message)

    @property
    def status(self):
        return self.statuses[-1] if self.statuses else None

    @property
    def positions(self):
        return np.array([self.joints[name] for name in FR3['joint_names']])

    @property
    def pose(self):
        """The flange, from joint states."""
        return KINEMATICS.forward(self.positions)

    def ask_to_arm(self):
        return self.graph.result_of(self._arm.call_async(SetBool.Request(data=True)))

    def arm(self):
        """Arm as soon as the drivers have found each other."""
        answers = []

        def armed():
            answers.append(self.ask_to_arm())
            return answers[-1].success

        try:
            self.graph.spin_until(armed, 20.0)
        except AssertionError:
            raise AssertionError(answers[-1].message) from None

    def reset_fault(self):
        return self.graph.result_of(self._reset.call_async(Trigger.Request()))

    def send(self, *actions, step_duration_s=0.5):
        plan = Plan(
            step_duration_s=step_duration_s,
            action_dim=7,
            horizon=len(actions),
            execute_steps=len(actions),
            actions=[float(number) for action in actions for number in action],
            observation_stamp=self.node.get_clock().now().to_msg(),
            observation_pose=encode_pose(self.pose),
        )
        plan.header.frame_id = 'fr3_link0'
        goal = ExecuteActions.Goal(plan=plan)
        return self.graph.result_of(self.client.send_goal_async(goal))

    def result(self, handle):
        return self.graph.result_of(handle.get_result_async(), 20.0).result

    def execute(self, *actions, **kwargs):
        return self.result(self.send(*actions, **kwargs))

    def set(self, node, **parameters):
        """Change dynamic parameters of a node."""
        done = node.set_parameters([Parameter(n, value=v) for n, v in parameters.items()])
        assert all(result.successful for result in done), done
