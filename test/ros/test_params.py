import dataclasses

import pytest
import yaml
from rclpy.parameter import Parameter

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros import reference
from jepa_wm_ros.ros.params import (
    ParameterError,
    build,
    changed,
    declare,
    parameter,
    parameters_of,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    rate_hz: float = parameter(15.0, 'Rate.', unit='Hz', minimum=1.0, maximum=60.0)
    samples: int = parameter(64, 'Samples.', minimum=1, dynamic=True)
    mode: str = parameter('slow', 'Mode.', choices=('slow', 'fast'))
    box: tuple[float, ...] = parameter((0.0, 1.0), 'Box.', length=2, minimum=0.0)
    names: tuple[str, ...] = parameter(('a',), 'Names.')
    dry: bool = parameter(False, 'Dry run.')


def test_what_is_not_given_keeps_its_default():
    assert build(Config, {}) == Config()
    assert build(Config, {'rate_hz': 30}).rate_hz == 30.0
    assert build(Config, {'box': [0.0, 2.0]}).box == (0.0, 2.0)


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('rate_hz', 0.5, 'rate_hz must be >= 1 Hz, got 0.5'),
        ('rate_hz', 61.0, 'rate_hz must be <= 60 Hz'),
        ('rate_hz', float('nan'), 'rate_hz must be'),
        ('rate_hz', '15', 'of type float'),
        ('samples', 1.0, 'of type int'),
        ('samples', True, 'of type int'),
        ('mode', 'medium', "one of 'slow', 'fast', got 'medium'"),
        ('box', [0.0], 'must have 2 items, got 1'),
        ('box', [0.0, -1.0], 'box must be >= 0'),
        ('names', [1], 'of type str'),
        ('dry', 1, 'of type bool'),
        ('rate', 1.0, "no parameter 'rate'; there are: rate_hz, samples"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_accepted(name, value, words):
    with pytest.raises(ParameterError, match=words):
        build(Config, {name: value})


def test_a_change_is_checked_as_a_whole():
    config = changed(Config(rate_hz=20.0), {'samples': 8})
    assert (config.rate_hz, config.samples) == (20.0, 8)
    with pytest.raises(ParameterError):
        changed(config, {'samples': 0})


def test_declared_parameters_carry_description_unit_and_range(graph):
    node = graph.node()
    assert declare(node, Config) == Config()
    rate = node.describe_parameter('rate_hz')
    assert rate.description == 'Rate. [Hz]'
    assert rate.read_only
    assert rate.floating_point_range[0].to_value == 60.0
    samples = node.describe_parameter('samples')
    assert not samples.read_only
    assert samples.integer_range[0].from_value == 1
    assert node.describe_parameter('mode').additional_constraints == "'slow', 'fast'"
    assert list(node.get_parameter('names').value) == ['a']


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('rate_hz', 15, 'write it with a decimal point'),
        ('rate_hz', 99.0, 'accepted: >= 1, <= 60'),
        ('mode', 'medium', "one of 'slow', 'fast'"),
    ],
)
def test_a_wrong_override_is_refused_when_the_node_starts(graph, name, value, words):
    import rclpy

    node = rclpy.create_node(
        'tester',
        context=graph.context,
        parameter_overrides=[Parameter(name, value=value)],
    )
    with pytest.raises(ParameterError, match=words):
        declare(graph.add(node), Config)


@pytest.mark.parametrize('path', sorted(reference.files(share())), ids=lambda path: path.name)
def test_parameter_files_and_documentation_are_what_the_code_says(path):
    assert path.read_text() == reference.files(share())[path], (
        'run `python -m jepa_wm_ros.ros.reference`'
    )


@pytest.mark.parametrize('node', reference.CONFIGS)
def test_each_parameter_file_reads_back_as_the_defaults(node):
    text = yaml.safe_load(share('config', f'{node}.yaml').read_text())
    values = text['/**']['ros__parameters']
    assert values.pop('autostart') is True
    config = reference.config_of(node)
    assert build(config, values) == config()


@pytest.mark.parametrize('node', reference.CONFIGS)
def test_every_config_field_is_a_documented_parameter(node):
    config = reference.config_of(node)
    infos = parameters_of(config)
    assert list(infos) == [field.name for field in dataclasses.fields(config)]
    for name, info in infos.items():
        assert info.description, name
        units = {'_s': 's', '_hz': 'Hz', '_m': 'm', '_rad': 'rad'}
        unit = next((u for suffix, u in units.items() if name.endswith(suffix)), None)
        if unit and not name.endswith(('_m_s', '_rad_s')):
            assert info.unit == unit, name


def test_nodes_that_share_a_process_mean_the_same_by_the_same_name():
    encoder = parameters_of(reference.config_of('encoder'))
    planner = parameters_of(reference.config_of('planner'))
    for name in encoder.keys() & planner.keys():
        assert encoder[name] == planner[name]
