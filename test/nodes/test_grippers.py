"""Each gripper closes as far as it is told, in the unit of its driver, and says what is wrong."""

import pytest
from cleared import grip
from driver_rig import DriverRig

GRIPPERS = {
    'franka': ('franka_hand', {'gripper_driver': 'franka', 'gripper_topic': 'franka_gripper'}),
    'franka by half widths': (
        'franka_hand',
        {
            'gripper_driver': 'gripper_command',
            'gripper_topic': 'franka_gripper/gripper_action',
            'gripper_command': 'franka_hand',
        },
    ),
    'parallel gripper': (
        'robotiq',
        {
            'gripper_driver': 'parallel_gripper',
            'gripper_topic': 'robotiq_gripper_controller/gripper_cmd',
        },
    ),
    'gripper command': (
        'robotiq_humble',
        {
            'gripper_driver': 'gripper_command',
            'gripper_topic': 'robotiq_gripper_controller/gripper_cmd',
        },
    ),
    'trajectory': (
        'robotiq_trajectory',
        {
            'gripper_driver': 'trajectory',
            'gripper_topic': 'robotiq_gripper_controller/joint_trajectory',
        },
    ),
    'float64': (
        'robotiq_float64',
        {'gripper_driver': 'float64', 'gripper_topic': 'robotiq_gripper_controller/command'},
    ),
}
ROBOTIQ = {
    'gripper': 'robotiq',
    'gripper_joint': 'robotiq_85_left_knuckle_joint',
    'gripper_command': 'robotiq',
}


def make(graph, name, **emulator):
    hand, parameters = GRIPPERS[name]
    own = {} if hand == 'franka_hand' else ROBOTIQ
    return DriverRig(
        graph, 'joint_trajectory', emulator={'hand': hand, **emulator}, publisher=own | parameters
    )


def closedness(rig):
    if 'fr3_finger_joint1' in rig.joints:
        return 1.0 - rig.joints['fr3_finger_joint1'] / 0.04
    return rig.joints['robotiq_85_left_knuckle_joint'] / 0.7929


@pytest.mark.parametrize('name', GRIPPERS)
def test_closes_half_and_opens_again(graph, name):
    rig = make(graph, name)
    rig.arm()
    gripper = rig.publisher._gripper
    gripper.send(grip(0.5))
    graph.spin_until(lambda: closedness(rig) == pytest.approx(0.5, abs=0.02))
    gripper.send(grip(0.0))
    graph.spin_until(lambda: closedness(rig) == pytest.approx(0.0, abs=0.02))


@pytest.mark.parametrize('name', ['franka', 'parallel gripper'])
def test_the_newest_target_wins(graph, name):
    rig = make(graph, name)
    rig.arm()
    for target in (1.0, 0.2, 0.8, 0.4):
        rig.publisher._gripper.send(grip(target))
    graph.spin_until(lambda: not rig.publisher._gripper._goals._busy)
    graph.spin_until(lambda: closedness(rig) == pytest.approx(0.4, abs=0.02))


def test_an_object_between_the_fingers_is_held(graph):
    rig = make(graph, 'franka', object_width_m=0.04)
    rig.arm()
    complaints = []
    object.__setattr__(rig.publisher._gripper._wiring, 'warn', complaints.append)
    rig.publisher._gripper.send(grip(1.0))
    graph.spin_until(lambda: not rig.publisher._gripper._goals._busy)
    graph.spin_until(lambda: closedness(rig) == pytest.approx(0.5, abs=0.02))
    assert complaints == []


def test_whole_widths_where_halves_are_meant_are_complained_about(graph):
    rig = make(graph, 'franka by half widths')
    rig.arm()
    complaints = []
    object.__setattr__(rig.publisher._gripper._wiring, 'warn', complaints.append)
    whole = rig.publisher._gripper.goal(0.08)
    rig.publisher._gripper._goals.put(rig.publisher._gripper._client, whole)
    graph.spin_until(lambda: complaints)
    assert 'neither reached its goal' in complaints[0]
