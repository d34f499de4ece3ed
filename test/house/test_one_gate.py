"""Nothing goes to the arm around the command gate: the structure of the source makes it so."""

import ast

import pytest
from source_tree import MODULES

GATE = 'jepa_wm_ros.robot.gate'
CLEARED = {'ClearedCommand', 'ClearedRoute', 'ClearedGrip'}
BEHIND = ('jepa_wm_ros.nodes.backends', 'jepa_wm_ros.nodes.grippers')
# Who plays the robot, or breaks it on purpose, may command without us.
OUTSIDE = (
    'jepa_wm_ros.nodes.emulation',
    'jepa_wm_ros.ros.faults',
    'jepa_wm_ros.ros.soak',
)
COMMANDS = {
    'JointTrajectory',
    'TwistStamped',
    'Float64',
    'Float64MultiArray',
    'FollowJointTrajectory',
    'GripperCommand',
    'ParallelGripperCommand',
}
MAKERS = {'create_publisher', 'create_lifecycle_publisher', 'ActionClient'}


def name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, 'id', '')


def calls(tree, names):
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and name_of(n.func) in names]


def behind_the_gate(module):
    return module.name.startswith(BEHIND)


def test_only_the_gate_clears_commands():
    elsewhere = [
        module.name for module in MODULES if module.name != GATE and calls(module.tree, CLEARED)
    ]
    assert elsewhere == []


def test_only_the_gate_has_the_seal():
    elsewhere = [
        module.name
        for module in MODULES
        if module.name != GATE and any(name_of(n) == '_SEAL' for n in ast.walk(module.tree))
    ]
    assert elsewhere == []


def functions(module):
    return [
        (owner, function)
        for owner in ast.walk(module.tree)
        if isinstance(owner, ast.ClassDef)
        for function in owner.body
        if isinstance(function, ast.FunctionDef)
    ]


@pytest.mark.parametrize('module', [m for m in MODULES if behind_the_gate(m)], ids=str)
def test_what_sends_takes_what_was_cleared(module):
    for owner, function in functions(module):
        public = not function.name.startswith('_')
        sends = calls(function, {'publish', 'send_goal_async'}) or function.name in (
            'send',
            'play',
        )
        if public and sends:
            kinds = {
                name_of(argument.annotation)
                for argument in function.args.args
                if argument.annotation
            }
            assert kinds & CLEARED, f'{owner.name}.{function.name} sends what nobody has cleared'


def test_nobody_else_publishes_what_moves_an_arm():
    makers = [
        f'{module.name}: {ast.unparse(call)}'
        for module in MODULES
        if not behind_the_gate(module) and not module.name.startswith(OUTSIDE)
        for call in calls(module.tree, MAKERS)
        if any(name_of(argument) in COMMANDS for argument in call.args)
    ]
    assert makers == []


def test_backends_and_grippers_are_made_for_the_gate_only():
    made = [
        module.name
        for module in MODULES
        if not behind_the_gate(module) and calls(module.tree, {'make_backend', 'make_gripper'})
    ]
    assert made == ['jepa_wm_ros.nodes.arm_wiring']
