import types

import numpy as np
import pytest

from jepa_wm_ros.viz.colours import cost_colours
from jepa_wm_ros.viz.layers import box_layers, goal_layer, plan_layers
from jepa_wm_ros.viz.plan_view import PlanViewError, read_plan

START = np.array([0.4, 0.1, 0.3])


def message(actions, elites=(), costs=()):
    """What has the fields of a plan message."""
    actions = np.array(actions, float)
    point = types.SimpleNamespace(x=0.4, y=0.1, z=0.3)
    turn = types.SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
    fields = {
        'header': types.SimpleNamespace(stamp=types.SimpleNamespace(sec=5, nanosec=0)),
        'observation_pose': types.SimpleNamespace(position=point, orientation=turn),
        'action_dim': 7,
        'horizon': len(actions),
        'actions': actions.ravel(),
        'elites': np.array(elites, float).ravel(),
        'elite_costs': list(costs),
        'execute_steps': 1,
        'step_duration_s': 0.4,
        'cost': 1.0,
        'cost_now': 2.0,
        'cost_noop': 3.0,
        'plan_time_s': 0.02,
        'step': 0,
        'goal_id': 'g',
        'surprise': 0.0,
        'surprised': False,
    }
    return types.SimpleNamespace(**fields)


def moves(*steps):
    return [[*step, 0, 0, 0, 0] for step in steps]


PLAN = moves((0.05, 0, 0), (0, 0.05, 0))
ELITES = [PLAN, moves((0, 0, 0.1), (0, 0, 0.1)), moves((-0.1, 0, 0), (0, 0, 0))]
COSTS = [1.0, 2.0, 5.0]


def layers(shapes):
    result = {}
    for shape in shapes:
        result.setdefault(shape.layer, []).append(shape)
    return result


def test_the_path_goes_where_the_actions_lead():
    path = layers(plan_layers(read_plan(message(PLAN))))['plan'][0]
    np.testing.assert_allclose(path.points - START, [[0, 0, 0], [0.05, 0, 0], [0.05, 0.05, 0]])


def test_rotations_of_a_plan_turn_its_poses_and_move_none_of_them():
    view = read_plan(message([[0, 0, 0, 0, 0, np.pi / 2, 0]]))
    np.testing.assert_allclose(view.positions, [START, START])
    np.testing.assert_allclose(view.poses[1].rotation @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_elites_fade_with_their_rank():
    elites = layers(plan_layers(read_plan(message(PLAN, ELITES, COSTS))))['elites']
    assert [shape.number for shape in elites] == [0, 1, 2]
    opacity = [shape.colours[3] for shape in elites]
    assert opacity == sorted(opacity, reverse=True)
    assert len(set(opacity)) == 3
    np.testing.assert_allclose(elites[1].points[-1] - START, [0, 0, 0.2])


def test_candidates_are_the_brighter_the_cheaper_whatever_their_order():
    shuffled = message(PLAN, ELITES[::-1], COSTS[::-1])
    ways, ends = layers(plan_layers(read_plan(shuffled)))['candidates']
    brightness = ends.colours[:, :3].sum(1)
    assert brightness.argsort().tolist() == np.argsort(COSTS[::-1])[::-1].tolist()
    np.testing.assert_allclose(ends.points[-1] - START, [0.05, 0.05, 0])
    # two segments for each of three candidates, in the colour of their candidate
    assert ways.points.shape == (12, 3)
    np.testing.assert_array_equal(ways.colours[::4], ends.colours)


def test_costs_that_are_no_numbers_are_dark_and_equal_costs_bright():
    colours = cost_colours([1.0, np.nan, 2.0, np.inf])
    assert colours[0].sum() > colours[2].sum()
    np.testing.assert_array_equal(colours[1], colours[3])
    assert np.isfinite(colours).all()
    np.testing.assert_array_equal(cost_colours([3.0, 3.0]), cost_colours([1.0, 1.0]))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'actions': np.zeros(6)}, 'actions has 6 numbers for 2 rows of 7'),
        ({'horizon': 0, 'actions': []}, 'actions has 0 numbers'),
        ({'actions': np.full(14, np.nan)}, 'not all finite'),
        ({'elites': np.zeros(13)}, 'elites has 13 numbers for 2 rows'),
        ({'action_dim': 3}, 'rows of at least 6'),
    ],
)
def test_plans_that_make_no_sense_are_not_drawn(changes, words):
    plan = message(PLAN, [PLAN], [1.0])
    vars(plan).update(changes)
    with pytest.raises(PlanViewError, match=words):
        read_plan(plan)


def test_no_two_shapes_share_layer_and_number(boxes):
    shapes = plan_layers(read_plan(message(PLAN, ELITES, COSTS)))
    shapes += box_layers('ARMED', *boxes) + goal_layer(read_plan(message(PLAN)).poses[0])
    names = [(shape.layer, shape.number) for shape in shapes]
    assert len(set(names)) == len(names)


def test_boxes_lie_where_they_should_and_tell_the_state_by_their_colour(boxes):
    by_state = {state: layers(box_layers(state, *boxes)) for state in ('ARMED', 'FAULT')}
    solid, edges = by_state['ARMED']['workspace']
    np.testing.assert_allclose(solid.pose.position, [0.5, 0.0, 0.4])
    np.testing.assert_allclose(solid.edges, [0.4, 0.6, 0.4])
    np.testing.assert_allclose(edges.points.min(0), [0.3, -0.3, 0.2])
    np.testing.assert_allclose(edges.points.max(0), [0.7, 0.3, 0.6])
    assert len(edges.points) == 24
    lengths = np.linalg.norm(edges.points[::2] - edges.points[1::2], axis=1)
    np.testing.assert_allclose(np.sort(lengths), [0.4] * 8 + [0.6] * 4)
    for layer in ('workspace', 'supervised'):
        one, other = (by_state[state][layer][0].colours for state in by_state)
        assert (one[:3] != other[:3]).any()
    assert len(by_state['ARMED']['keep_out']) == 1


def test_a_box_without_an_end_is_left_out(boxes):
    workspace, *_ = boxes
    endless = type(workspace)(lower=np.array([0, 0, -np.inf]), upper=np.ones(3))
    assert box_layers('ARMED', endless, None, (endless,)) == []
