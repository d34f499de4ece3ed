"""Emulated grippers answer as their drivers do, traps included."""

import pytest

from jepa_wm_ros.sim.drivers.grippers import FrankaHand, GripperRejectedError, Robotiq


def run(gripper, seconds=3.0):
    """Let the fingers move; return how the command ended and when [s]."""
    time_s = 0.0
    while gripper.outcome() is None and time_s < seconds:
        gripper.fingers.update(0.01)
        time_s += 0.01
    return gripper.outcome(), time_s


def test_the_hand_takes_the_whole_width_in_move():
    hand = FrankaHand()
    hand.move(0.04, 0.1)
    outcome, time_s = run(hand)
    assert outcome.success
    assert outcome.position == pytest.approx(0.04)
    assert hand.finger_positions == pytest.approx((0.02, 0.02))
    assert time_s == pytest.approx(0.4, abs=0.03)
    assert hand.closedness == pytest.approx(0.5)


def test_gripper_action_takes_half_of_the_width_and_answers_with_the_whole():
    hand = FrankaHand()
    hand.command(0.01)
    outcome, _ = run(hand)
    assert outcome.success
    assert outcome.position == pytest.approx(0.02)


def test_who_sends_whole_widths_to_gripper_action_is_rejected_when_opening():
    with pytest.raises(GripperRejectedError):
        FrankaHand().command(0.08)


def test_move_fails_on_an_object_and_grasp_holds_it():
    hand = FrankaHand(object_width_m=0.05)
    hand.move(0.0, 0.1)
    outcome, _ = run(hand)
    assert not outcome.success
    hand.grasp(0.0, 0.1, (0.08, 0.08))
    outcome, _ = run(hand)
    assert outcome.success
    assert outcome.stalled
    assert outcome.position == pytest.approx(0.05)


def test_a_grasp_outside_of_its_epsilon_fails():
    hand = FrankaHand(object_width_m=0.05)
    hand.grasp(0.03, 0.1, (0.005, 0.005))
    assert not run(hand)[0].success


def test_the_hand_stops_where_it_is():
    hand = FrankaHand()
    hand.move(0.0, 0.1)
    for _ in range(20):
        hand.fingers.update(0.01)
    hand.stop()
    hand.fingers.update(1.0)
    assert hand.fingers.position == pytest.approx(0.06)


def test_robotiq_closes_to_its_end_and_no_further():
    gripper = Robotiq()
    gripper.command(2.0)
    outcome, _ = run(gripper)
    assert outcome.success
    assert gripper.closedness == pytest.approx(1.0, abs=0.02)
    gripper.command(0.0)
    run(gripper)
    assert gripper.closedness == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize('allowed', [True, False])
def test_robotiq_stalls_at_an_object(allowed):
    gripper = Robotiq(0.4, allow_stalling=allowed)
    gripper.command(0.7929)
    outcome, _ = run(gripper)
    assert outcome.stalled
    assert outcome.success == allowed
    assert outcome.position == pytest.approx(0.4)
