"""What a model has understood, of models of which it is known."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import torch
from contracts import small_contract
from toy_training import recipe_of, silent

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.data.episodes import DatasetError, EpisodeTable
from jepa_wm_ros.evaluation.explain.cell import FreshEpisodeError, cell_material, elsewhere
from jepa_wm_ros.evaluation.explain.job import explain
from jepa_wm_ros.evaluation.explain.jump import LARGEST_M, SMALLEST_M, spliced
from jepa_wm_ros.evaluation.explain.latents import expected
from jepa_wm_ros.evaluation.explain.maps import patch_colours, principal
from jepa_wm_ros.evaluation.explain.page import page, verdicts
from jepa_wm_ros.evaluation.explain.response import central_frames
from jepa_wm_ros.evaluation.explain.settings import ExplainSettings
from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.observation import Observation
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.training.trainer import begin
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.contract import ProprioContract
from jepa_wm_ros.worldmodel.latent import Latent

SIDE = 16
MIDDLE = (WORKSPACE_CELL.lower + WORKSPACE_CELL.upper) / 2
SETTINGS = ExplainSettings(episodes=8, jumps=6, steps=14, starts=10, grid=5)


def picture_of(position):
    """A picture whose mean colour tells the position (3,) [m]."""
    picture = np.zeros((SIDE, SIDE, 3)) + 128.0 + 300.0 * (np.asarray(position) - MIDDLE)
    return picture.round().clip(0, 255).astype(np.uint8)


class Known(torch.nn.Module):
    """Its latent is `reading` times the position; it expects `gain` times an action of it."""

    def __init__(self, gain, reading=1.0):
        super().__init__()
        self.contract = small_contract(name='known')
        self.gain = torch.nn.Parameter(torch.as_tensor(gain, dtype=torch.float32))
        self.reading = reading

    def encode(self, images, proprio=None):
        colours = images.mean((-2, -1)) * 127.5
        return Latent(self.reading * colours[:, :, None] / 300.0)

    def rollout(self, context, past_actions, actions):
        moves = self.reading * actions[..., :3] @ self.gain.T
        return Latent((context.tokens[:, -1, 0][:, None, None] + moves.cumsum(2))[..., None, :])


def recorded(episodes=8, frames=20, seed=0):
    """Episodes of an arm that goes where it is sent."""
    rng = np.random.default_rng(seed)
    action = np.zeros((episodes, frames, 7), np.float32)
    position = np.zeros((episodes, frames, 3))
    for episode in range(episodes):
        here = rng.uniform(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper)
        for frame in range(frames):
            position[episode, frame] = here
            there = WORKSPACE_CELL.clip(here + rng.uniform(-0.08, 0.08, 3))
            action[episode, frame, :3], here = there - here, there
    action[:, -1] = np.nan
    flat = position.reshape(-1, 3)
    return EpisodeTable(
        pixels=np.stack([picture_of(one) for one in flat]),
        action=action.reshape(-1, 7),
        proprio=flat.astype(np.float32),
        offset=np.arange(episodes) * frames,
        length=np.full(episodes, frames),
        provenance={},
    )


def explained(model):
    table = recorded()
    jumps = spliced(table, SETTINGS.jumps, 0)
    return explain(model, table, jumps, SETTINGS, 'a test', silent)


def test_a_model_that_knows_everything_is_said_to():
    found = explained(Known(np.eye(3)))
    figures = found.figures()
    assert set(verdicts(figures).values()) == {'understood'}
    assert figures['position']['rmse_m'] < 0.003
    assert figures['surprise']['auc'] == 1.0
    assert figures['surprise']['greatest_of_episode'] == 1.0
    assert found.patches is None
    for answer in figures['actions'].values():
        assert answer['slope'] == pytest.approx(1.0, abs=0.05)
        assert answer['r2'] > 0.99


def test_planted_errors_of_the_prediction_are_found_axis_by_axis():
    gain = np.diag([1.0, 0.5, -1.0])
    gain[1, 0] = 0.6
    answers = explained(Known(gain)).figures()['actions']
    slopes = [answers[axis]['slope'] for axis in 'xyz']
    assert slopes == pytest.approx([1.0, 0.5, -1.0], abs=0.05)
    assert answers['x']['sideways'] == pytest.approx(0.6, abs=0.05)
    assert answers['z']['sideways'] == pytest.approx(0.0, abs=0.05)


def test_a_blind_model_has_understood_nothing():
    found = explained(Known(np.eye(3), reading=0.0))
    figures = found.figures()
    assert set(verdicts(figures).values()) == {'not understood'}
    assert figures['position']['rmse_m'] == pytest.approx(
        figures['position']['guess_rmse_m'], rel=1e-3
    )
    assert figures['surprise']['auc'] == pytest.approx(0.5)
    text = page(figures, found.contract.action, ['map.png'])
    assert 'not understood' in text
    assert '6 of the jumps' in text
    assert 'droll, dpitch, dyaw, dgripper (pinned' in text


def test_a_jump_is_where_it_says_and_as_far():
    table = recorded()
    for jump in spliced(table, 6, 3):
        position, action = jump.episode.proprio, jump.episode.action[:-1, :3]
        off = np.linalg.norm(position[1:] - position[:-1] - action, axis=1)
        assert off.argmax() == jump.at - 1
        assert off[jump.at - 1] == pytest.approx(jump.size_m, abs=1e-4)
        assert np.delete(off, jump.at - 1).max() < 1e-4


def test_too_short_episodes_have_no_room_for_a_jump():
    with pytest.raises(DatasetError, match='longer than 12 frames'):
        spliced(recorded(frames=12), 4, 0)


class Hand:
    """A cell without physics that counts how often it is reset."""

    workspace = WORKSPACE_CELL

    def __init__(self):
        self.resets = 0

    def reset(self, position=None, *, rng, appearance=None):
        self.resets += 1
        low, high = self.workspace.lower, self.workspace.upper
        self.position = rng.uniform(low, high) if position is None else np.asarray(position)
        return self._look()

    def step(self, action):
        self.position = self.workspace.clip(self.position + action[:3])
        return self._look()

    def _look(self):
        return Observation(
            image=picture_of(self.position),
            stamp_s=0.0,
            joint_positions=np.zeros(7),
            pose=Pose(self.position),
            gripper=0.0,
        )


def test_fresh_episodes_have_one_teleport_each_where_they_should():
    hand, model = Hand(), Known(np.eye(3))
    table, jumps = cell_material(hand, model.contract, SETTINGS, silent)
    assert table.episodes == 8
    assert len(jumps) == 6
    assert hand.resets == 8 + 2 * 6
    for jump in jumps:
        moved = np.linalg.norm(np.diff(jump.episode.proprio, axis=0), axis=1)
        most = np.sqrt(3) * 0.08 + jump.size_m
        assert moved[jump.at - 1] <= most + 1e-6
        assert SMALLEST_M <= jump.size_m <= LARGEST_M
    figures = explain(model, table, jumps, SETTINGS, 'a test', silent).figures()
    assert figures['surprise']['auc'] > 0.8


def test_a_model_that_must_be_told_more_needs_a_dataset():
    state = ProprioContract(fields=('x', 'y', 'z', 'gripper'), mean=(0.0,) * 4, std=(1.0,) * 4)
    with pytest.raises(FreshEpisodeError, match='--data'):
        cell_material(Hand(), small_contract(proprio=state), SETTINGS, silent)


def test_places_to_jump_to_are_in_the_workspace():
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = rng.uniform(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper)
        place = elsewhere(start, WORKSPACE_CELL, rng)
        assert WORKSPACE_CELL.contains(place)
        assert SMALLEST_M <= np.linalg.norm(place - start) <= LARGEST_M


class Heir:
    """Adds up the frames that it knows, the newest ten times, and likewise the actions."""

    def __init__(self, context):
        self.contract = small_contract(context=context)

    def rollout(self, context, past_actions, actions):
        frames = context.tokens.sum((1, 2, 3)) + 9 * context.tokens[:, -1].sum((1, 2))
        total = frames + past_actions.sum((1, 2)) + 10 * actions.sum((1, 2, 3))
        return Latent(total[:, None, None, None, None])


@pytest.mark.parametrize('context', [1, 2, 3, 9])
def test_predictions_know_as_many_frames_as_the_model_takes(context):
    frames = np.array([1e0, 1e2, 1e4, 1e6, 1e8])
    actions = np.array([0.1, 0.2, 0.3, 0.4, np.nan])
    latent = Latent(torch.from_numpy(frames)[:, None, None])
    found = expected(Heir(context), latent, actions[:, None]).tokens.flatten()
    for step in range(4):
        known = slice(max(0, step + 1 - context), step + 1)
        wanted = frames[known].sum() + 9 * frames[step]
        wanted += actions[known].sum() + 9 * actions[step]
        assert float(found[step]) == pytest.approx(wanted, rel=1e-12)


def test_principal_components_of_wide_and_tall_rows_are_the_same_plane():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((60, 2)))[0]
    rows = rng.standard_normal((30, 2)) * [3.0, 1.0] @ basis.T
    wide, directions, shares = principal(rows, 2)
    tall, _, tall_shares = principal(np.vstack([rows] * 3), 2)
    assert np.abs(directions.T @ basis) == pytest.approx(np.eye(2), abs=0.35)
    assert directions.T @ directions == pytest.approx(np.eye(2), abs=1e-9)
    assert shares.sum() == pytest.approx(1.0)
    assert tall_shares == pytest.approx(shares)
    assert np.abs(tall[:30]) == pytest.approx(np.abs(wide), abs=1e-9)


def test_patches_that_mean_the_same_have_the_same_colour():
    kinds = np.array([0, 0, 1, 0, 1, 1])
    tokens = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)[kinds]
    colours = patch_colours(np.stack([tokens, tokens]), (2, 3)).reshape(2, 6, 3)
    assert np.ptp(colours[:, kinds == 0], axis=(0, 1)) == pytest.approx(0.0, abs=1e-6)
    assert np.abs(colours[0, 0] - colours[0, 2]).max() > 0.5


def test_the_grid_of_actions_starts_in_the_middle():
    position = np.stack([np.linspace(0.0, 1.0, 11)] * 3, axis=1)
    assert central_frames(position, 3).tolist() == [4, 5, 6]


@pytest.fixture
def data(tmp_path):
    table, path = recorded(), tmp_path / 'recorded.h5'
    with h5py.File(path, 'w') as file:
        for name in ('pixels', 'action', 'proprio'):
            file[name] = getattr(table, name)
        file['ep_offset'], file['ep_len'] = table.offset, table.length
    return path


def test_the_command_leaves_figures_pictures_and_words(tmp_path, data, capsys):
    recipe = recipe_of('dino_wm')
    bundle = save_bundle(tmp_path / 'model', begin(recipe), recipe.model)
    out = tmp_path / 'out'
    words = ['explain', str(bundle), '--data', str(data), '--episodes', '6', '--jumps', '3']
    assert main([*words, '--out', str(out)]) == 0
    assert str(out / 'explain.md') in capsys.readouterr().out
    figures = json.loads((out / 'explain.json').read_text())
    assert figures['family'] == 'dino_wm'
    assert set(figures['answers']) == {
        'position', 'action dx', 'action dy', 'action dz', 'surprise',
    }  # fmt: skip
    for name in ('explain', 'patches', 'map', 'position', 'actions', 'surprise'):
        assert (out / f'{name}.png').stat().st_size > 5000


def test_wrong_arguments_are_said_on_one_line(tmp_path, data, capsys):
    assert main(['explain', '--episodes', '1']) == 1
    assert 'episodes must be at least 4' in capsys.readouterr().err
    assert main(['explain', str(tmp_path / 'nothing')]) == 1
    assert 'nothing' in capsys.readouterr().err
    assert main(['explain', '--data', str(data), '--out', str(tmp_path / 'out')]) == 1
    assert 'pictures are (16, 16, 3), the contract says (96, 96, 3)' in capsys.readouterr().err
