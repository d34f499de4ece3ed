"""Seven-number states: a difference undoes itself, and the gripper stays in its range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.robot.arm_state import difference, moved
from jepa_wm_ros.robot.poses import PoseError

states = st.tuples(
    *[st.floats(-1.0, 1.0)] * 3,
    st.floats(-3.1, 3.1),
    st.floats(-1.4, 1.4),
    st.floats(-3.1, 3.1),
    st.floats(0.0, 1.0),
)


@given(states, states)
def test_a_difference_leads_from_one_state_to_the_other(start, end):
    found = moved(start, difference(start, end))
    np.testing.assert_allclose(found[[0, 1, 2, 6]], np.array(end)[[0, 1, 2, 6]], atol=1e-9)
    np.testing.assert_allclose(difference(found, end), 0.0, atol=1e-6)


def test_the_gripper_is_clipped_when_moved_and_never_when_compared():
    open_state, closed = np.zeros(7), np.array([0.0] * 6 + [1.0])
    assert moved(closed, closed)[6] == 1.0
    assert moved(open_state, -closed)[6] == 0.0
    assert difference(2 * closed, open_state)[6] == -2.0


def test_another_number_of_numbers_is_refused():
    with pytest.raises(PoseError, match='expected 7 numbers'):
        moved(np.zeros(6), np.zeros(7))
