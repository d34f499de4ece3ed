"""A tiny arm and camera on real topics: echoes joint commands into joint states."""

import time

import numpy as np
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import ExecutedAction, ObservationHealth, Plan, SafetyStatus
from rclpy.action import ActionClient
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.robot.description import ARM_JOINTS, GRIPPER_JOINT, READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_pose

JOINTS_S = 0.01
CAMERA_S = 1 / 15


class FakeArm:
    """The other side of the action publisher: robot, camera, planner and operator."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.node = graph.node('fake_arm')
        self.kinematics = Kinematics()
        self.joints = READY_POSTURE.copy()
        self.gripper = 0.0
        self.joints_live = True
        self.gripper_live = True
        self.camera = 'live'
        self.commands = []
        self.command_times = []
        self.statuses = []
        self.executed = []
        node = self.node
        node.create_subscription(JointTrajectory, 'joint_trajectory', self._follow, 50)
        node.create_subscription(Float64, 'gripper_command', self._grip, 10)
        node.create_subscription(SafetyStatus, 'safety_status', self._note, qos.latched())
        node.create_subscription(ExecutedAction, 'executed_action', self.executed.append, 10)
        self._states = node.create_publisher(JointState, 'joint_states', QoSProfile(depth=1))
        self._health = node.create_publisher(
            ObservationHealth, 'image_health', QoSProfile(depth=1)
        )
        self._timers = [
            node.create_timer(JOINTS_S, self._report),
            node.create_timer(CAMERA_S, self._picture),
        ]
        self.client = ActionClient(node, ExecuteActions, 'execute')
        self.services = {
            'arm': node.create_client(SetBool, 'arm'),
            'stop': node.create_client(Trigger, 'stop'),
            'reset_fault': node.create_client(Trigger, 'reset_fault'),
        }

    def _follow(self, message: JointTrajectory) -> None:
        self.command_times.append(time.perf_counter())
        self.commands.append(message.points[0])
        self.joints = np.array(message.points[0].positions)

    def _grip(self, message: Float64) -> None:
        self.gripper = message.data

    def _note(self, message: SafetyStatus) -> None:
        self.statuses.append(message)

    def _report(self) -> None:
        if not self.joints_live:
            return
        message = JointState(name=[GRIPPER_JOINT, *ARM_JOINTS])
        message.header.stamp = self.node.get_clock().now().to_msg()
        message.position = [0.8 * self.gripper, *self.joints.tolist()]
        if not self.gripper_live:
            message.name, message.position = message.name[1:], message.position[1:]
        self._states.publish(message)

    def _picture(self) -> None:
        if self.camera == 'off':
            return
        message = ObservationHealth(frozen=self.camera == 'frozen')
        message.header.stamp = self.node.get_clock().now().to_msg()
        self._health.publish(message)

    @property
    def pose(self):
        return self.kinematics.forward(self.joints)

    @property
    def status(self) -> SafetyStatus | None:
        return self.statuses[-1] if self.statuses else None

    def ready(self) -> None:
        """Wait until the node hears the arm and the camera, and we hear the node."""
        self.graph.spin_until(
            lambda: (
                self.status is not None
                and self.status.joint_age_s < 0.1
                and self.status.image_age_s < 0.1
                and self.node.count_publishers('joint_trajectory') == 1
                and self.client.server_is_ready()
            )
        )

    def call(self, name: str, data: bool | None = None):
        client = self.services[name]
        self.graph.spin_until(client.service_is_ready)
        request = SetBool.Request(data=data) if name == 'arm' else Trigger.Request()
        return self.graph.result_of(client.call_async(request))

    def arm(self) -> None:
        response = self.call('arm', True)
        assert response.success, response.message

    def plan(self, *actions, pose=None, **fields) -> Plan:
        message = Plan(
            step_duration_s=0.4,
            action_dim=7,
            horizon=len(actions),
            execute_steps=len(actions),
            actions=[float(number) for action in actions for number in action],
            observation_stamp=self.node.get_clock().now().to_msg(),
            observation_pose=encode_pose(self.pose if pose is None else pose),
        )
        message.header.frame_id = 'panda_link0'
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    def send(self, plan: Plan, feedback=None):
        """Send a plan; return the goal handle once it is accepted."""
        goal = ExecuteActions.Goal(plan=plan)
        return self.graph.result_of(self.client.send_goal_async(goal, feedback_callback=feedback))

    def result(self, handle, timeout_s: float = 10.0):
        return self.graph.result_of(handle.get_result_async(), timeout_s).result

    def execute(self, plan: Plan):
        return self.result(self.send(plan))
