"""rviz/jepa_wm.rviz shows topics that are published, with displays that fit their types."""

import pytest
import yaml

from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.description import BASE_FRAME
from jepa_wm_ros.viz.layers import PLAN_LAYERS, SCENE_LAYERS

TYPES = {
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/Path': 'nav_msgs/msg/Path',
    'rviz_default_plugins/RobotModel': 'std_msgs/msg/String',
}
"""What each display listens to."""
WITHOUT_TOPIC = {'rviz_default_plugins/Grid', 'rviz_default_plugins/TF'}
DRIVERS = {'image': ('sensor_msgs/msg/Image', 'BEST_EFFORT', 'VOLATILE')}
"""What cameras publish: topic, type, and what a listener may ask of any of them."""


@pytest.fixture(scope='module')
def manager():
    return yaml.safe_load(share('rviz', 'jepa_wm.rviz').read_text())['Visualization Manager']


@pytest.fixture
def published(published):
    """What our nodes publish, and drivers of cameras."""
    return {**DRIVERS, **published}


def topic_of(display):
    return display.get('Topic') or display.get('Description Topic')


def test_every_display_fits_a_topic_that_is_published(manager, published):
    shown = [d for d in manager['Displays'] if d['Class'] not in WITHOUT_TOPIC]
    assert len(shown) == 11
    for display in shown:
        topic = topic_of(display)
        kind, reliability, durability = published[topic['Value']]
        assert TYPES[display['Class']] == kind, display['Name']
        # a listener must not ask for more than is offered, and latched topics must be asked for
        if reliability == 'BEST_EFFORT':
            assert topic['Reliability Policy'] == 'Best Effort', display['Name']
        wanted = 'Transient Local' if durability == 'TRANSIENT_LOCAL' else 'Volatile'
        assert topic['Durability Policy'] == wanted, display['Name']


def test_everything_that_is_drawn_is_shown(manager, published):
    shown = {topic_of(display)['Value'] for display in manager['Displays'] if topic_of(display)}
    drawn = {
        topic
        for topic, (kind, *_) in published.items()
        if kind in TYPES.values() and topic != 'rosout'
    }
    assert drawn <= shown


def test_names_are_relative_and_unique_and_the_frame_is_the_base(manager):
    topics = [topic_of(d)['Value'] for d in manager['Displays'] if topic_of(d)]
    assert not any(topic.startswith('/') for topic in topics)
    assert len(set(topics)) == len(topics)
    names = [display['Name'] for display in manager['Displays']]
    assert len(set(names)) == len(names)
    assert manager['Global Options']['Fixed Frame'] == BASE_FRAME


def test_namespaces_are_the_layers_that_are_drawn(manager):
    by_topic = {topic_of(d)['Value']: d for d in manager['Displays'] if topic_of(d)}
    assert tuple(by_topic['plan_markers']['Namespaces']) == PLAN_LAYERS
    assert tuple(by_topic['scene_markers']['Namespaces']) == SCENE_LAYERS
