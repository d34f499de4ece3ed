"""Encoder, planner and action publisher for a real Franka arm.

Start the camera driver, franka_ros2 and a joint trajectory controller first.

ros2 launch jepa_wm_ros franka.launch.py image_topic:=/camera/camera/color/image_raw
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction

from jepa_wm_ros.ros.bringup import franka
from jepa_wm_ros.ros.launching import given, launch_nodes, recorder

ARGUMENTS = (
    ('namespace', '', 'Namespace of all nodes.', None),
    ('image_topic', '/camera/camera/color/image_raw', 'Pictures of the exterior camera.', None),
    (
        'image_transport',
        '',
        'Kind of message on it; empty: as configured.',
        ['', 'raw', 'compressed'],
    ),
    ('joint_states_topic', '/joint_states', 'Joint states of arm and gripper.', None),
    (
        'command_topic',
        '/fr3_arm_controller/joint_trajectory',
        'Input of the joint trajectory controller.',
        None,
    ),
    (
        'backend',
        '',
        'How commands reach the arm; dry_run only shows them; empty: as configured.',
        ['', 'joint_trajectory', 'cartesian_pose', 'dry_run'],
    ),
    ('model', '', 'Folder of the model bundle; empty: the shipped model.', None),
    ('device', '', 'Compute device of torch, such as cpu or cuda; empty: as configured.', None),
    ('record', 'false', 'Whether everything is recorded into a bag.', ['false', 'true']),
    ('bag', '', 'Folder of that bag; empty: bags/<time>.', None),
    ('params_file', '', 'Parameter file that wins over those of the package.', None),
    (
        'log_level',
        'info',
        'Least severity that is logged.',
        ['debug', 'info', 'warn', 'error', 'fatal'],
    ),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the processes of the table."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
        for name, default, text, choices in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_processes)])


def _processes(context, *_):  # noqa: ANN001, ANN002, ANN202 - the types are launch's
    values = context.launch_configurations
    both = given(values, 'model', 'device')
    processes = franka(
        image_topic=values['image_topic'],
        joint_states_topic=values['joint_states_topic'],
        command_topic=values['command_topic'],
        overrides={
            'encoder': both | given(values, 'image_transport'),
            'planner': both,
            'action_publisher': given(values, 'backend'),
        },
    )
    nodes = launch_nodes(
        processes,
        namespace=values['namespace'],
        log_level=values['log_level'],
        parameter_file=values['params_file'],
    )
    return [*nodes, *recorder(values, processes)]
