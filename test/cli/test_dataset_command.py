"""`jepa-wm dataset` on fabricated bags, and a model trained on what it builds."""

import pytest
import yaml
from fabricated import picture, write_bag

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.paths import share


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    """The recipe of the shipped model, made small."""
    mapping = yaml.safe_load(share('config', 'recipes', 'franka_cell_reach.yaml').read_text())
    model, training = mapping['model'], mapping['training']
    model['camera'] |= {'width': 32, 'height': 32}
    encoder = {'image_size': 32, 'patch': 8, 'channels': [8, 8], 'embed_dim': 8}
    model['architecture'] |= {'encoder': encoder}
    training |= {'steps': 4, 'batch': 8, 'warmup_steps': 1, 'validation': 0.6}
    path = tmp_path_factory.mktemp('recipe') / 'tiny.yaml'
    path.write_text(yaml.safe_dump(mapping))
    return path


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bags')
    for number in range(3):
        write_bag(folder / f'{number}', start_s=100.0 * number)
    write_bag(folder / 'broken', states=lambda _: None)
    return folder


@pytest.fixture(scope='module')
def dataset(bags, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'data.h5'
    assert main(['dataset', 'build', str(bags), '--out', str(out), '--for', str(recipe)]) == 0
    return out


def test_build_prints_the_audit_and_a_line_for_what_was_dropped(bags, recipe, tmp_path, capsys):
    out = tmp_path / 'data.h5'
    assert main(['dataset', 'build', str(bags), '--out', str(out), '--for', str(recipe)]) == 0
    said = capsys.readouterr().out
    assert '3 episodes, 33 frames, 30 steps' in said
    assert '3 + 1' in said
    assert 'pinned 0' in said
    assert f'dropped {bags} broken: no robot states on /joint_states' in said
    assert (tmp_path / 'data.h5.audit.json').exists()


def test_inspect_shows_the_same_and_writes_a_picture_sheet(dataset, capsys):
    import cv2

    assert main(['dataset', 'inspect', str(dataset)]) == 0
    said = capsys.readouterr().out
    assert '3 episodes, 33 frames, 30 steps' in said
    assert '3 + 1' in said
    sheet = cv2.imread(str(dataset) + '.png')
    height, width = sheet.shape[:2]
    assert height % 3 == 0
    assert width % 8 == 0


def test_inspect_takes_datasets_of_others(tmp_path, capsys):
    import h5py
    import numpy as np

    path = tmp_path / 'push.h5'
    with h5py.File(path, 'w') as file:
        file['pixels'] = np.stack([picture(n) for n in range(5)])
        file['action'] = np.arange(10.0).reshape(5, 2)
        file['ep_len'], file['ep_offset'] = [2, 3], [0, 2]
    assert main(['dataset', 'inspect', str(path), '--sheet', str(tmp_path / 'sheet.png')]) == 0
    said = capsys.readouterr().out
    assert '2 episodes, 5 frames, 3 steps' in said
    assert 'action 1' in said
    assert (tmp_path / 'sheet.png').exists()


def test_a_model_is_trained_on_what_was_built(dataset, recipe, tmp_path, capsys):
    from jepa_wm_ros.worldmodel.bundle import load_bundle

    out = tmp_path / 'model'
    assert main(['train', str(recipe), '--data', str(dataset), '--out', str(out)]) == 0
    assert 'linear position probe' in capsys.readouterr().out
    assert load_bundle(out).contract.results['training_steps'] == 4


def test_episodes_of_the_simulated_cell_are_taken_as_they_are(recipe, tmp_path):
    import numpy as np

    from jepa_wm_ros.data.episodes import read_episodes

    mapping = yaml.safe_load(recipe.read_text())
    mapping['collection'].update(episodes=2, steps=4)
    small = tmp_path / 'small.yaml'
    small.write_text(yaml.safe_dump(mapping))
    cell, out = tmp_path / 'cell.h5', tmp_path / 'out.h5'
    assert main(['collect', str(small), '--out', str(cell), '--workers', '1']) == 0
    options = ['--for', str(small), '--out', str(out)]
    assert main(['dataset', 'build', str(cell), *options]) == 0
    before, after = read_episodes(cell), read_episodes(out)
    np.testing.assert_array_equal(before.pixels, after.pixels)
    np.testing.assert_array_equal(before.action, after.action)
    np.testing.assert_array_equal(before.proprio, after.proprio)
    assert after.provenance['proprio'] == ['x', 'y', 'z']
    # every second frame, with the actions between them joined
    assert (
        main(
            [
                'dataset',
                'build',
                str(cell),
                *options[:3],
                str(tmp_path / 'slow.h5'),
                '--step-duration',
                '0.8',
            ]
        )
        == 0
    )
    slow = read_episodes(tmp_path / 'slow.h5')
    np.testing.assert_array_equal(slow.pixels[:3], before.pixels[:5:2])
    np.testing.assert_allclose(slow.action[0], before.action[:2].sum(axis=0), atol=1e-6)


def test_size_and_step_can_be_chosen(bags, tmp_path):
    from jepa_wm_ros.data.episodes import read_episodes

    out = tmp_path / 'data.h5'
    options = ['--size', '40', '24', '--step-duration', '1.0', '--out', str(out)]
    assert main(['dataset', 'build', str(bags / '0'), *options]) == 0
    table = read_episodes(out)
    assert table.pixels.shape == (5, 24, 40, 3)
    assert table.provenance['step_duration_s'] == 1.0
    assert table.provenance['proprio'][-1] == 'gripper'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['nowhere'], 'nowhere does not exist; give a rosbag2'),
        (['{bags}', '--step-duration', '-1'], 'step_duration_s must be a positive number'),
        (['{bags}', '--size', '0', '5'], 'width and height must be positive'),
        (['{bags}', '--mapping', 'none.yaml'], 'none.yaml is missing'),
        (['{bags}', '--camera', 'top'], "no camera 'top'"),
        (['{bags}', '--for', 'none.yaml'], 'none.yaml is missing'),
    ],
)
def test_wrong_arguments_are_one_line(bags, tmp_path, capsys, options, message):
    words = [option.format(bags=bags) for option in options]
    assert main(['dataset', 'build', *words, '--out', str(tmp_path / 'x.h5')]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count('\n') == 1


def test_when_nothing_can_be_used_the_command_fails(bags, tmp_path, capsys):
    out = tmp_path / 'x.h5'
    assert main(['dataset', 'build', str(bags / 'broken'), '--out', str(out)]) == 1
    assert 'no recording gave an episode' in capsys.readouterr().out
