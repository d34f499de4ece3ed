"""The mapping of a bag is read strictly, and the default one holds what its comments say."""

import pytest
import yaml

from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import GripperMapping, read_mapping
from jepa_wm_ros.data.recordings import SourceError
from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.schema import SchemaError


@pytest.fixture
def mapping(tmp_path):
    """Write the default mapping with changes, and read it."""
    default = yaml.safe_load(share('config', 'mappings', 'droid_franka.yaml').read_text())

    def write(**changes):
        path = tmp_path / 'mapping.yaml'
        path.write_text(yaml.safe_dump(default | changes))
        return read_mapping(path)

    return write


def test_the_default_is_for_a_franka_as_in_droid():
    default = read_mapping()
    assert next(iter(default.cameras)) == 'exterior'
    assert '/image' in default.cameras['exterior']
    assert default.joint_names[0][0] == 'panda_joint1'
    assert (default.pose_of, default.stamps) == ('flange', 'header')
    kinds = {gripper.kind for gripper in default.grippers}
    assert kinds == {'sim', 'robotiq', 'franka_hand', 'closedness'}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'camera': {}}, 'unknown key camera; accepted: cameras'),
        ({'cameras': {}}, 'at least one camera'),
        ({'cameras': {'side': '/image'}}, 'cameras.side must be a list of topics'),
        ({'joint_names': [['a', 'b']]}, 'lists of 7 names'),
        ({'pose_of': 'tool'}, 'pose_of must be one of flange, hand_tcp'),
        ({'stamps': 'arrival'}, 'stamps must be one of header, log'),
        ({'grippers': [{'joint': 'a'}]}, 'either a kind, or open_value and closed_value'),
        ({'grippers': [{'kind': 'sim'}]}, 'needs a joint or a topic'),
        ({'grippers': [{'joint': 'a', 'kind': 'claw'}]}, 'kind must be one of'),
        ({'grippers': [{'joint': 'a', 'open_value': 1, 'closed_value': 1}]}, 'two different'),
    ],
)
def test_mistakes_are_named(mapping, changes, message):
    with pytest.raises(SchemaError, match=message):
        mapping(**changes)


def test_a_file_that_is_not_there_or_not_yaml_is_named(tmp_path):
    with pytest.raises(SchemaError, match=r'config/mappings/droid_franka\.yaml'):
        read_mapping(tmp_path / 'none.yaml')
    (tmp_path / 'bad.yaml').write_text('{')
    with pytest.raises(SchemaError, match='not valid YAML'):
        read_mapping(tmp_path / 'bad.yaml')


def test_a_number_topic_can_be_a_gripper():
    gripper = GripperMapping(topic='/gripper', kind='crisp')
    assert gripper.codec().decode(1.0) == 0.0


def test_a_camera_that_the_mapping_does_not_have_is_named(tmp_path):
    (tmp_path / 'a.mcap').touch()
    with pytest.raises(SourceError, match="no camera 'top'; it has exterior, wrist"):
        find_source(tmp_path, read_mapping(), 'top', 0.25)


@pytest.mark.parametrize('name', ['none', 'text.txt', 'folder'])
def test_what_cannot_be_read_is_refused_with_what_can(tmp_path, name):
    (tmp_path / 'text.txt').touch()
    (tmp_path / 'folder').mkdir()
    with pytest.raises(SourceError, match='rosbag2'):
        find_source(tmp_path / name, read_mapping(), '', 0.25)
