"""The buttons of the page, pushed by a stand-in for viser's panel."""

import types
from contextlib import contextmanager

import numpy as np
import pytest

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.description import BASE_FRAME, robot_description
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.viz.cell_view import CellView, Safety
from jepa_wm_ros.viz.plots import CostSeries
from jepa_wm_ros.viz.web.panel import PICTURES, Panel


class Handle:
    """A widget; keeps what is to happen when it is used."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs
        self.content = args[0] if args else ''
        self.value = kwargs.get('initial_value', args[-1] if args else None)
        self.options = args[1] if len(args) > 1 and isinstance(args[1], tuple) else ()
        self.uses = []

    def on_click(self, use):
        self.uses.append(use)

    on_update = on_click

    def use(self, value=None, client=None):
        if value is not None:
            self.value = value
        for use in self.uses:
            use(types.SimpleNamespace(client=client, target=self))


class Gui:
    """Notes the widgets by their labels."""

    def __init__(self):
        self.widgets, self.all = {}, []

    def __getattr__(self, name):
        def add(*args, **kwargs):
            label = kwargs.get('label') or args[0]
            handle = Handle(*args, **kwargs)
            self.all.append(handle)
            self.widgets[label if isinstance(label, str) else len(self.widgets)] = handle
            return handle

        return add

    @contextmanager
    def add_folder(self, label, **kwargs):
        yield

    def push(self, label, client=None):
        """Push a button, alone or in a row of buttons."""
        if label in self.widgets:
            self.widgets[label].use(client=client)
            return
        rows = [w for w in self.all if label in w.options]
        assert len(rows) == 1, f'{label} is in {len(rows)} rows'
        rows[0].use(label, client)


class Robot:
    """Does what it is told, and notes it."""

    def __init__(self):
        self.did, self.error = [], None

    def __getattr__(self, name):
        def do(*args, **kwargs):
            if self.error:
                raise self.error
            self.did.append((name, *args, *kwargs.values()))
            return f'done: {name}'

        return do


@pytest.fixture
def gui():
    return Gui()


@pytest.fixture
def robot():
    return Robot()


@pytest.fixture
def panel(gui, robot):
    panel = Panel(gui, robot, lambda layer, visible: robot.did.append((layer, visible)))
    panel.said = lambda: panel._said.content
    return panel


@pytest.mark.parametrize(
    ('label', 'did'),
    [
        ('STOP', ('stop',)),
        ('Arm', ('arm', True)),
        ('Disarm', ('arm', False)),
        ('Pause', ('pause', True)),
        ('Resume', ('pause', False)),
        ('Capture goal', ('capture',)),
        ('Go to goal', ('send',)),
        ('Reset fault', ('reset_fault',)),
        ('Home', ('home',)),
    ],
)
def test_each_button_does_what_it_says_and_says_what_came_of_it(gui, robot, panel, label, did):
    gui.push(label)
    assert robot.did == [did]
    assert panel.said() == f'done: {did[0]}'


def test_the_slider_sets_the_speed(gui, robot, panel):
    gui.widgets['Speed'].use(0.35)
    assert robot.did == [('speed', 0.35)]


def test_a_refusal_is_shown_with_its_reason_to_who_pushed(gui, robot, panel):
    robot.error = JepaWmError('the camera is frozen')
    told = []
    client = types.SimpleNamespace(add_notification=lambda *words, **_: told.append(words))
    gui.push('Arm', client)
    assert told == [('Refused', 'the camera is frozen')]
    assert 'the camera is frozen' in panel.said()
    gui.push('Arm')  # by a browser that has gone away meanwhile


def test_layers_are_switched_by_their_names(gui, robot, panel):
    gui.widgets['keep out'].use(False)
    assert robot.did == [('keep_out', False)]


def test_state_pictures_and_plots_are_shown(gui, panel):
    view = CellView(tree=parse_link_tree(robot_description()), base_frame=BASE_FRAME)
    view.safety = Safety(state=3, message='too fast')
    panel.show_state(view)
    assert '**FAULT**' in panel._state.content
    assert 'too fast' in panel._state.content
    picture = np.full((4, 4, 3), 7, np.uint8)
    for topic, title in PICTURES.items():
        panel.show_picture(topic, picture)
        assert gui.widgets[title].image is picture
    costs = CostSeries('g', [0.0, 1.0], [4.0, 2.0], [3.0, 1.0], [5.0, 6.0])
    panel.show_costs(costs)
    np.testing.assert_array_equal(panel._distance.data, [[0, 1], [4, 2]])
    np.testing.assert_array_equal(panel._costs.data, [[0, 1], [3, 1], [5, 6]])
