"""The simulated cell with encoder, planner and action publisher.

ros2 launch jepa_wm_ros sim.launch.py
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction

from jepa_wm_ros.ros.bringup import cell
from jepa_wm_ros.ros.launching import given, launch_nodes, recorder

ARGUMENTS = (
    ('namespace', '', 'Namespace of all nodes.', None),
    ('model', '', 'Folder of the model bundle; empty: the shipped model.', None),
    ('device', '', 'Compute device of torch, such as cpu or cuda; empty: as configured.', None),
    (
        'variation',
        '',
        'Looks of the cell: nominal, as in training, or unlike training; empty: as configured.',
        ['', 'none', 'seen', 'unseen'],
    ),
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
    overrides = {'encoder': both, 'planner': both, 'sim': given(values, 'variation')}
    processes = cell(overrides)
    nodes = launch_nodes(
        processes,
        namespace=values['namespace'],
        log_level=values['log_level'],
        parameter_file=values['params_file'],
    )
    return [*nodes, *recorder(values, processes)]
