"""Whatever is planned, the commands keep speed, acceleration and jerk of the robot's joints."""

import numpy as np
import pytest
from arm_rig import PERIOD_S

from jepa_wm_ros.robot.command_stream import CommandStream
from jepa_wm_ros.robot.limits import FER, FR3, FR3_FULL, WORKSPACE_CELL
from jepa_wm_ros.robot.motion import ExecutionSettings

PLANS = 10
JUMP_RAD = 1e-3


def figures_of(rig, limits):
    """Extremes of the commands of each motion, with the times at which the arm is to be there."""
    lead_s = rig.executor.settings.lookahead_s
    stream = CommandStream()
    stream.add(0.0, rig.resting)
    for number, command in enumerate(rig.sent):
        if command.hold:
            continue
        stream.add(number * PERIOD_S + lead_s, command.joint_positions)
    return stream.figures(limits)


def random_plan(rng):
    """Up to three actions, often beyond every limit."""
    actions = np.zeros((rng.integers(1, 4), 7))
    actions[:, :3] = rng.uniform(-0.15, 0.15, (len(actions), 3))
    actions[:, 3:6] = rng.uniform(-0.4, 0.4, (len(actions), 3)) * (rng.random() < 0.5)
    return actions


@pytest.mark.parametrize('table', [FER, FR3, FR3_FULL], ids=['fer', 'fr3', 'fr3_full'])
def test_random_plans_keep_the_limits_of_the_joints(make_rig, table):
    rng = np.random.default_rng(7)
    worst = None
    for number in range(PLANS):
        rig = make_rig(settings=ExecutionSettings(workspace=WORKSPACE_CELL), joints=table)
        rig.resting = rig.joints.copy()
        if rig.execute(random_plan(rng), step_duration_s=rng.uniform(0.1, 0.8)) is not None:
            continue
        interrupted = number % 3 == 0
        rig.step(int(rng.integers(5, 40)) if interrupted else 1)
        if interrupted:
            rig.executor.cancel(rig.now)
        rig.run()
        assert rig.supervisor.fault is None
        figures = figures_of(rig, table)
        worst = figures if worst is None else worst.joined(figures)
    assert worst.commands > 10 * PLANS
    assert worst.worst <= 1.0, (worst.speed, worst.acceleration, worst.jerk)
    assert worst.jump_rad <= JUMP_RAD


def test_speed_override_changes_on_the_way_without_a_jump(make_rig):
    rig = make_rig(settings=ExecutionSettings(workspace=WORKSPACE_CELL))
    rig.resting = rig.joints.copy()
    rig.execute([[0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]] * 2)
    rig.step(20)
    rig.executor.override_speed(0.0)
    rig.step(40)
    stood = rig.joints.copy()
    rig.step(10)
    np.testing.assert_allclose(rig.joints, stood, atol=1e-6)
    rig.executor.override_speed(0.5)
    rig.run()
    assert rig.supervisor.fault is None
    figures = figures_of(rig, FER)
    assert figures.worst <= 1.0
    assert figures.jump_rad <= JUMP_RAD


def test_a_stream_with_a_jump_is_noticed():
    """The measure itself can fail."""
    stream = CommandStream()
    for number in range(10):
        stream.add(number * PERIOD_S, np.full(7, 0.1) + (number == 5) * 0.01)
    figures = stream.figures(FER)
    assert figures.worst > 1.0
    assert figures.jump_rad > JUMP_RAD


def test_shares_of_a_known_motion():
    """q(t) = t^2: speed 2 t, acceleration 2, no jerk."""
    stream = CommandStream()
    for number in range(11):
        stream.add(number * 0.1, np.full(7, (number * 0.1) ** 2 - 0.5))
    limits = FER
    figures = stream.figures(limits)
    np.testing.assert_allclose(figures.acceleration, 2.0 / limits.acceleration, rtol=1e-9)
    np.testing.assert_allclose(figures.speed, 1.9 / limits.velocity, rtol=1e-9)
    assert figures.jerk.max() < 1e-6
